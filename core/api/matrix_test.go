package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth"
)

// matrixRoles are who asks, in the order of the letters in accessMatrix.
//
// up, down and shut have a grant of developer, viewer and none on the pipeline, and are
// viewer, developer and developer otherwise. The last three are an administrator's
// tokens: with the scope executions:read, for another pipeline, and as a viewer's.
var matrixRoles = []string{"none", "viewer", "developer", "admin", "up", "down", "shut", "scoped", "other", "capped"}

// The letters: let in (.), 401 (4), 403 (3), and hidden (h): 404 as for what is not there.
const (
	matrixOpen       = ".........."
	matrixAnybody    = "4........."
	matrixSelf       = "4......333"
	matrixAdmin      = "433.333333"
	matrixList       = "4......3.."
	matrixCreate     = "43..3..333"
	matrixRead       = "4.....h3h."
	matrixWrite      = "43...3h3h3"
	matrixRun        = "4.....h.h." // what the scope is good for
	matrixGlobalList = "43..3..333"
)

// accessMatrix has every operation of the contract. {p}, {e}, {a}, {token}, {session} and
// {user} are things that are there.
var accessMatrix = []struct{ operation, method, path, body, want string }{
	{"getHealth", "GET", "/healthchecker", "", matrixOpen},
	{"getLive", "GET", "/livez", "", matrixOpen},
	{"getReady", "GET", "/readyz", "", matrixOpen},
	{"getMetrics", "GET", "/metrics", "", "4......33."},
	{"listNotifications", "GET", "/ci/executions/{e}/notifications", "", matrixRun},
	{"retryNotification", "POST", "/ci/executions/{e}/notifications/n/retry", "", matrixWrite},
	{"listServices", "GET", "/ci/services", "", matrixList},
	{"listServicePorts", "GET", "/ci/service-ports", "", matrixList},
	{"getService", "GET", "/ci/services/{p}", "", matrixRead},
	{"listServiceDeployments", "GET", "/ci/services/{p}/history", "", matrixRead},
	{"getServiceLogs", "GET", "/ci/services/{p}/logs", "", matrixRead},
	{"rollbackService", "POST", "/ci/services/{p}/rollback", "", matrixWrite},
	{"stopService", "POST", "/ci/services/{p}/stop", "", matrixWrite},
	{"startService", "POST", "/ci/services/{p}/start", "", matrixWrite},
	{"receivePipelineWebhook", "POST", "/ci/pipelines/{p}/webhook", "{}", matrixOpen},
	{"receiveWebhook", "POST", "/webhooks/github", "{}", matrixOpen},
	{"listDeliveries", "GET", "/ci/pipelines/{p}/webhook/deliveries", "", matrixRead},
	{"getDelivery", "GET", "/ci/pipelines/{p}/webhook/deliveries/d", "", matrixRead},
	{"getDeliveryPayload", "GET", "/ci/pipelines/{p}/webhook/deliveries/d/payload", "", matrixRead},
	{"redeliver", "POST", "/ci/pipelines/{p}/webhook/deliveries/d/redeliver", "", matrixWrite},
	{"listConnectorDeliveries", "GET", "/webhooks/github/deliveries", "", matrixAdmin},
	{"getContract", "GET", "/openapi.json", "", matrixOpen},
	{"getDocs", "GET", "/docs", "", matrixOpen},
	{"getDocsAsset", "GET", "/docs/reference.css", "", matrixOpen},
	{"listPipelines", "GET", "/ci/pipelines", "", matrixList},
	{"createPipeline", "POST", "/ci/pipelines", `{"yaml_content":"x"}`, matrixCreate},
	{"uploadPipeline", "POST", "/ci/pipelines/upload", "x", matrixCreate},
	{"getPipeline", "GET", "/ci/pipelines/{p}", "", matrixRead},
	{"updatePipeline", "PUT", "/ci/pipelines/{p}", `{"yaml_content":"x"}`, matrixWrite},
	{"deletePipeline", "DELETE", "/ci/pipelines/{p}", "", matrixWrite},
	{"getPipelineYaml", "GET", "/ci/pipelines/{p}/yaml", "", matrixRead},
	{"listVersions", "GET", "/ci/pipelines/{p}/versions", "", matrixRead},
	{"getVersion", "GET", "/ci/pipelines/{p}/versions/1", "", matrixRead},
	{"diffVersion", "GET", "/ci/pipelines/{p}/versions/1/diff", "", matrixRead},
	{"restoreVersion", "POST", "/ci/pipelines/{p}/versions/1/restore", "", matrixWrite},
	{"triggerPipeline", "POST", "/ci/pipelines/{p}/trigger", "{}", matrixWrite},
	{"receivePipelineWebhook", "POST", "/ci/pipelines/{p}/webhook", "{}", matrixOpen},
	{"receiveWebhook", "POST", "/webhooks/github", "{}", matrixOpen},
	{"listDeliveries", "GET", "/ci/pipelines/{p}/webhook/deliveries", "", matrixRead},
	{"getDelivery", "GET", "/ci/pipelines/{p}/webhook/deliveries/d", "", matrixRead},
	{"getDeliveryPayload", "GET", "/ci/pipelines/{p}/webhook/deliveries/d/payload", "", matrixRead},
	{"redeliver", "POST", "/ci/pipelines/{p}/webhook/deliveries/d/redeliver", "", matrixWrite},
	{"listConnectorDeliveries", "GET", "/webhooks/github/deliveries", "", matrixAdmin},
	{"listSchedules", "GET", "/ci/schedules", "", matrixList},
	{"listExecutions", "GET", "/ci/executions", "", matrixAnybody},
	{"getExecution", "GET", "/ci/executions/{e}", "", matrixRun},
	{"cancelExecution", "DELETE", "/ci/executions/{e}/cancel", "", matrixWrite},
	{"cancelExecutionByPost", "POST", "/ci/executions/{e}/cancel", "", matrixWrite},
	{"retryExecution", "POST", "/ci/executions/{e}/retry", "{}", matrixWrite},
	{"approveExecution", "POST", "/ci/executions/{e}/approve", "{}", matrixWrite},
	{"listArtifacts", "GET", "/ci/executions/{e}/artifacts", "", matrixRun},
	{"getLogs", "GET", "/ci/executions/{e}/logs", "", matrixRun},
	{"getEvents", "GET", "/ci/executions/{e}/events", "", matrixRun},
	{"streamExecution", "GET", "/ci/executions/{e}/stream", "", matrixRun},
	{"getArtifact", "GET", "/ci/artifacts/{a}", "", matrixRun},
	{"getArtifactArchive", "GET", "/ci/artifacts/{a}/archive", "", matrixRun},
	{"getArtifactFile", "GET", "/ci/artifacts/{a}/files/f", "", matrixRun},
	{"getArtifactFile", "GET", "/ci/artifacts/{a}/files/d/f", "", matrixRun},
	{"listSecrets", "GET", "/secrets", "", matrixGlobalList},
	{"listSecrets", "GET", "/secrets?pipeline_id={p}", "", matrixWrite},
	{"setSecret", "PUT", "/secrets/A", `{"value":"x"}`, matrixAdmin},
	{"setSecret", "PUT", "/secrets/A?pipeline_id={p}", `{"value":"x"}`, matrixWrite},
	{"deleteSecret", "DELETE", "/secrets/A", "", matrixAdmin},
	{"deleteSecret", "DELETE", "/secrets/A?pipeline_id={p}", "", matrixWrite},
	{"rotateSecrets", "POST", "/secrets/rotate", "", matrixAdmin},
	{"rotateSecrets", "POST", "/secrets/rotate?pipeline_id={p}", "", matrixAdmin}, // which is no way around
	{"getQueue", "GET", "/queue", "", matrixList},
	{"pauseQueue", "POST", "/queue/pause", "", matrixAdmin},
	{"resumeQueue", "POST", "/queue/resume", "", matrixAdmin},
	{"drainQueue", "POST", "/queue/drain", "", matrixAdmin},
	{"listConnectors", "GET", "/connectors", "", matrixList},
	{"getConnector", "GET", "/connectors/shell", "", matrixList},
	{"listLogins", "GET", "/sessions/logins", "", matrixOpen},
	{"login", "POST", "/sessions/login", `{"token":"` + token + `"}`, matrixOpen},
	{"refreshSession", "POST", "/sessions/refresh", `{"refresh_token":"{refresh}"}`, matrixOpen},
	{"logout", "POST", "/sessions/logout", "", matrixOpen},
	{"logoutByGet", "GET", "/sessions/logout", "", matrixOpen},
	{"beginOAuth", "GET", "/sessions/oauth/github", "", matrixOpen},
	{"finishOAuth", "GET", "/sessions/oauth/github/callback", "", matrixOpen},
	{"getMe", "GET", "/sessions/me", "", matrixAnybody},
	{"listSessions", "GET", "/sessions", "", matrixSelf},
	{"listSessions", "GET", "/sessions?user=viewer", "", "4.3.333333"},
	{"logoutEverywhere", "POST", "/sessions/logout/all", "", matrixSelf},
	{"logoutEverywhere", "POST", "/sessions/logout/all?user=viewer", "", "4.3.333333"},
	{"revokeSession", "DELETE", "/sessions/{session}", "", matrixSelf},
	{"listTokens", "GET", "/tokens", "", matrixSelf},
	{"listTokens", "GET", "/tokens?all=true", "", matrixAdmin},
	{"createToken", "POST", "/tokens", `{"name":"t"}`, matrixSelf},
	{"createToken", "POST", "/tokens", `{"name":"t","user":"viewer"}`, "4.3.333333"},
	{"revokeToken", "DELETE", "/tokens/{token}", "", matrixSelf},
	{"listUsers", "GET", "/users", "", matrixAdmin},
	{"createUser", "POST", "/users", `{"name":"new"}`, matrixAdmin},
	{"getUser", "GET", "/users/viewer", "", matrixAdmin},
	{"updateUser", "PATCH", "/users/viewer", "{}", matrixAdmin},
	{"deleteUser", "DELETE", "/users/{user}", "", matrixAdmin},
	{"listGrants", "GET", "/users/viewer/grants", "", matrixAdmin},
	{"setGrant", "PUT", "/users/viewer/grants/{p}", `{"role":"viewer"}`, matrixAdmin},
	{"deleteGrant", "DELETE", "/users/up/grants/{p}", "", matrixAdmin},
	{"createLoginLink", "POST", "/users/viewer/login-link", "", matrixAdmin},
	{"rotateSigningKey", "POST", "/signing-keys/rotate", "", matrixAdmin},
	{"listAudit", "GET", "/audit", "", matrixAdmin},
}

// Every operation is in the matrix, and has a rule that agrees with the contract about
// who needs a login.
func TestMatrixIsComplete(t *testing.T) {
	t.Parallel()
	spec, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, row := range accessMatrix {
		rows[row.operation+" "+row.method] = true
	}
	service, err := auth.Open(auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range spec.Paths.Map() {
		for method, operation := range item.Operations() {
			if !rows[operation.OperationID+" "+method] {
				t.Errorf("%s %s (%s) is not in the matrix", method, path, operation.OperationID)
			}
			open := operation.Security != nil && len(*operation.Security) == 0
			if service.Open(operation.OperationID) != open {
				t.Errorf("%s: the contract and the rules differ on whether it needs a login", operation.OperationID)
			}
		}
	}
}

// Every route lets in whom it should, and nobody else, however they have come in.
func TestMatrix(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	for _, row := range accessMatrix {
		t.Run(fmt.Sprintf("%s %s", row.method, row.path), func(t *testing.T) {
			for i, role := range matrixRoles {
				for _, way := range p.ways(role) {
					if got := p.ask(role, way, row.method, row.path, row.body); got != row.want[i] {
						t.Errorf("%s by %s: %c, want %c", role, way, got, row.want[i])
					}
				}
			}
		})
	}
}

// things are what a request can be about.
type things struct{ pipeline, execution, artifact string }

// made makes things anew for a request that may change them.
func (p *people) made(method string) things {
	p.t.Helper()
	if method == http.MethodGet && p.kept.pipeline != "" {
		return p.kept
	}
	var made things
	made.pipeline, made.execution = p.pipeline()
	made.artifact = uuid.NewString()
	p.reader.pipelines[made.artifact] = made.pipeline
	for name, granted := range map[string]core.Role{"up": core.RoleDeveloper, "down": core.RoleViewer, "shut": core.RoleNone} {
		if _, err := p.service.SetGrant(p.t.Context(), &core.Identity{}, name, made.pipeline, granted); err != nil {
			p.t.Fatal(err)
		}
	}
	if method == http.MethodGet {
		p.kept = made
	}
	return made
}

// ask makes a request and returns its letter.
func (p *people) ask(role, way, method, path, body string) byte {
	p.t.Helper()
	ctx, made, owner := p.t.Context(), p.made(method), p.owner(role)
	ids := []string{"{p}", made.pipeline, "{e}", made.execution, "{a}", made.artifact, `"new"`, `"n` + uuid.NewString() + `"`}
	switch {
	case strings.Contains(path, "{token}"):
		_, token, err := p.service.CreateToken(ctx, &core.Identity{Role: core.RoleAdmin}, core.NewToken{Name: "own", UserID: owner.ID})
		if err != nil {
			p.t.Fatal(err)
		}
		ids = append(ids, "{token}", token.ID)
	case strings.Contains(path, "{user}"):
		user, err := p.service.CreateUser(ctx, "u"+uuid.NewString(), core.UserChange{})
		if err != nil {
			p.t.Fatal(err)
		}
		ids = append(ids, "{user}", user.ID)
	case strings.Contains(path+body, "{session}"), strings.Contains(body, "{refresh}"):
		session := p.login(p.secrets[owner.Name])
		ids = append(ids, "{session}", session.Session.ID, "{refresh}", session.Refresh)
	}
	fill := strings.NewReplacer(ids...)
	request, err := http.NewRequestWithContext(ctx, method, p.server.URL+"/api"+fill.Replace(path), strings.NewReader(fill.Replace(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	p.enter(request, role, way)
	switch p.send(request).status {
	case http.StatusUnauthorized:
		return '4'
	case http.StatusForbidden:
		return '3'
	case http.StatusNotFound:
		return 'h'
	}
	return '.'
}
