package auth

import (
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// rule says who may do an operation.
type rule struct {
	// least is the least role for it, on the pipeline it is about if there is one.
	least core.Role
	// global is the least role when it is about no pipeline, if that differs.
	global core.Role
	// scope is what a token with scopes must have.
	scope string
	// whole operations need an identity without the limits of a token: with them one
	// could get rid of these.
	whole bool
	// lists are what a token for certain pipelines may also ask of all: the answer has
	// theirs alone.
	lists bool
	// open operations need no identity.
	open bool
}

// rules has every operation of the API's contract by its operationId; one that is
// missing is nobody's. A test walks the contract.
var rules = map[string]rule{
	"getHealth": {open: true}, "getContract": {open: true}, "getDocs": {open: true}, "getDocsAsset": {open: true},
	"getLive": {open: true}, "getReady": {open: true}, "getMetrics": {least: core.RoleViewer, scope: "metrics:read"},

	"listPipelines": {least: core.RoleViewer, scope: "pipelines:read", lists: true},
	"getPipeline":   read("pipelines"), "getPipelineYaml": read("pipelines"), "listVersions": read("pipelines"),
	"getVersion": read("pipelines"), "diffVersion": read("pipelines"),
	"createPipeline": write("pipelines"), "uploadPipeline": write("pipelines"), "updatePipeline": write("pipelines"),
	"deletePipeline": write("pipelines"), "restoreVersion": write("pipelines"),
	"listSchedules": {least: core.RoleViewer, scope: "pipelines:read", lists: true},

	"triggerPipeline": write("executions"), "cancelExecution": write("executions"), "cancelExecutionByPost": write("executions"),
	"retryExecution": write("executions"), "approveExecution": write("executions"),
	"listExecutions": {least: core.RoleViewer, scope: "executions:read", lists: true},
	"getExecution":   read("executions"), "getLogs": read("executions"), "getEvents": read("executions"), "streamExecution": read("executions"),
	"listArtifacts": read("executions"), "getArtifact": read("executions"), "getArtifactArchive": read("executions"), "getArtifactFile": read("executions"),
	"listNotifications": read("executions"), "retryNotification": write("executions"),

	"listServices": {least: core.RoleViewer, scope: "services:read", lists: true}, "listServicePorts": {least: core.RoleViewer, scope: "services:read", lists: true},
	"getService": read("services"), "listServiceDeployments": read("services"), "getServiceLogs": read("services"),
	"rollbackService": write("services"), "stopService": write("services"), "startService": write("services"),

	"receivePipelineWebhook": {open: true}, "receiveWebhook": {open: true}, // the signature lets them in
	"listDeliveries": read("webhooks"), "getDelivery": read("webhooks"), "getDeliveryPayload": read("webhooks"), "redeliver": write("webhooks"),
	"listConnectorDeliveries": {least: core.RoleAdmin, scope: "webhooks:read"},

	"listSecrets":   {least: core.RoleDeveloper, scope: "secrets:read"},
	"setSecret":     {least: core.RoleDeveloper, global: core.RoleAdmin, scope: "secrets:write"},
	"deleteSecret":  {least: core.RoleDeveloper, global: core.RoleAdmin, scope: "secrets:write"},
	"rotateSecrets": {least: core.RoleAdmin, scope: "secrets:write"},

	"getQueue":   {least: core.RoleViewer, scope: "queue:read", lists: true},
	"pauseQueue": {least: core.RoleAdmin, scope: "queue:write"}, "resumeQueue": {least: core.RoleAdmin, scope: "queue:write"},
	"drainQueue":     {least: core.RoleAdmin, scope: "queue:write"},
	"listConnectors": {least: core.RoleViewer, scope: "connectors:read", lists: true},
	"getConnector":   {least: core.RoleViewer, scope: "connectors:read", lists: true},

	"login": {open: true}, "refreshSession": {open: true}, "beginOAuth": {open: true}, "finishOAuth": {open: true}, "listLogins": {open: true},
	"getMe": self(), "logout": {open: true}, "logoutByGet": {open: true}, "logoutEverywhere": {least: core.RoleViewer, whole: true},
	"listSessions": {least: core.RoleViewer, whole: true}, "revokeSession": {least: core.RoleViewer, whole: true},
	"listTokens": {least: core.RoleViewer, whole: true}, "createToken": {least: core.RoleViewer, whole: true},
	"revokeToken": {least: core.RoleViewer, whole: true},

	"listUsers": admin(), "createUser": admin(), "getUser": admin(), "updateUser": admin(), "deleteUser": admin(),
	"listGrants": admin(), "setGrant": admin(), "deleteGrant": admin(), "createLoginLink": admin(),
	"rotateSigningKey": admin(), "listAudit": admin(),
}

func read(area string) rule  { return rule{least: core.RoleViewer, scope: area + ":read"} }
func write(area string) rule { return rule{least: core.RoleDeveloper, scope: area + ":write"} }
func admin() rule            { return rule{least: core.RoleAdmin, whole: true} }

// self is what everybody may ask about himself, whatever his limits.
func self() rule { return rule{least: core.RoleViewer, lists: true} }

// Scopes lists what tokens can be limited to, in order. Who may write may also read.
func Scopes() []string {
	var list []string
	for _, r := range rules {
		if r.scope != "" {
			list = append(list, r.scope)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Operations lists what there is a rule for, in order.
func Operations() []string {
	list := make([]string, 0, len(rules))
	for operation := range rules {
		list = append(list, operation)
	}
	slices.Sort(list)
	return list
}

// Open reports whether an operation needs no identity.
func (s *Service) Open(operation string) bool { return rules[operation].open }

// Allowed reports whether somebody may do an operation on a pipeline, or on what is of
// no pipeline for "".
func (s *Service) Allowed(who *core.Identity, operation, pipelineID string) bool {
	return s.Allow(who, operation, pipelineID) == nil
}

// Allow returns nil for what Allowed reports, and otherwise an error that says what is
// missing: CodeUnauthenticated without an identity, CodeForbidden with one.
func (s *Service) Allow(who *core.Identity, operation, pipelineID string) error {
	r, known := rules[operation]
	switch {
	case !known:
		return forbidden("nobody may do this: there is no rule for " + operation)
	case r.open:
		return nil
	case who == nil:
		return refused("this needs a login", "send the header Authorization: Bearer <token>")
	case r.whole && who.Limited():
		return forbidden("this cannot be done with a token that has limits", "log in without one, or use a token without limits")
	case !scoped(who.Scopes, r.scope):
		return forbidden("the token is not good for this: it lacks the scope "+r.scope, "make a token with this scope: patchbay token create --scope "+r.scope)
	case pipelineID == "" && len(who.PipelineIDs) > 0 && !r.lists:
		return forbidden("the token is only good for certain pipelines", "use a token without this limit")
	}
	need := r.least
	if pipelineID == "" {
		need = or(r.global, r.least)
	}
	have := who.RoleOn(pipelineID)
	if have.AtLeast(need) {
		return nil
	}
	on := ""
	if pipelineID != "" {
		on = " on this pipeline"
	}
	return forbidden("this needs the role "+string(need)+on+"; you have "+string(or(have, core.RoleNone)), "ask an administrator")
}

func scoped(have []string, need string) bool {
	if len(have) == 0 || need == "" {
		return true
	}
	area, reading := strings.CutSuffix(need, ":read")
	return slices.Contains(have, need) || reading && slices.Contains(have, area+":write")
}
