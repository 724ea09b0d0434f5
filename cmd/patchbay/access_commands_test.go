package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the commands about users ask of the server, and what they show of the answer.
func TestAccessCommandsAsk(t *testing.T) {
	t.Parallel()
	const (
		user  = `{"id":"u1","name":"ann","role":"viewer","disabled":true,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}`
		token = `{"id":"t1","name":"ci","kind":"api","prefix":"pb_abc","role":"viewer","scopes":["executions:write"],"pipeline_ids":["p"],"created_at":"2026-01-02T03:04:05Z"}`
		made  = `{"secret":"pb_secret","token":` + token + `}`
		grant = `{"user_id":"u1","pipeline_id":"p","role":"developer","updated_at":"2026-01-02T03:04:05Z","updated_by":"admin"}`
	)
	for line, test := range map[string]struct{ asks, body, answer, shows string }{
		"token create ci": {"POST /api/tokens", `{"name":"ci"}`, made, "pb_secret\n"},
		"token create ci --user ann --role viewer --scope executions:write,pipelines:read --pipeline p --pipeline q --expires 2030-01-02T03:04:05Z": {"POST /api/tokens",
			`{"expires_at":"2030-01-02T03:04:05Z","name":"ci","pipeline_ids":["p","q"],"role":"viewer","scopes":["executions:write","pipelines:read"],"user":"ann"}`, made, "pb_secret\n"},
		"token create ci -o json":                      {"POST /api/tokens", `{"name":"ci"}`, made, made + "\n"},
		"token list":                                   {"GET /api/tokens", "", "[" + token + "]", "as viewer, executions:write, 1 pipelines"},
		"token list --all --limit 2 --after t9":        {"GET /api/tokens?all=true&limit=2&after=t9", "", "[]", "ID"},
		"token revoke t1":                              {"DELETE /api/tokens/t1", "", "", "revoked t1\n"},
		"user create ann --role viewer --email a@b":    {"POST /api/users", `{"email":"a@b","name":"ann","role":"viewer"}`, user, "User ann (u1) has the role viewer\n"},
		"user list":                                    {"GET /api/users", "", "[" + user + "]", "disabled"},
		"user update ann --disable":                    {"PATCH /api/users/ann", `{"disabled":true}`, user, "changed ann\n"},
		"user update ann --enable":                     {"PATCH /api/users/ann", `{"disabled":false}`, user, "changed ann\n"},
		"user update ann --email=":                     {"PATCH /api/users/ann", `{"email":""}`, user, "changed ann\n"},
		"user delete ann":                              {"DELETE /api/users/ann", "", "", "deleted ann\n"},
		"user grants ann":                              {"GET /api/users/ann/grants", "", "[" + grant + "]", "developer"},
		"user link ann":                                {"POST /api/users/ann/login-link", "", `{"user":"ann","token":"pbl_x","expires_at":"2026-01-02T03:04:05Z"}`, "pbl_x\n"},
		"session list --user ann":                      {"GET /api/sessions?user=ann", "", `[{"id":"s1","user_id":"u1","method":"link","created_at":"2026-01-02T03:04:05Z","last_used_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z","current":false}]`, "expired"},
		"session revoke s1":                            {"DELETE /api/sessions/s1", "", "", "revoked s1\n"},
		"session revoke --all":                         {"POST /api/sessions/logout/all", "", `{"message":"m","sessions":3}`, "3 sessions are over\n"},
		"audit list --who ann --limit 1":               {"GET /api/audit?who=ann&limit=1", "", `[{"id":"a","at":"2026-01-02T03:04:05Z","who":"ann","action":"deletePipeline","target":"p","outcome":"refused"}]`, "ann  deletePipeline  p       refused"},
		"user grant ann --pipeline p --role developer": {"PUT /api/users/ann/grants/p", `{"role":"developer"}`, grant, "ann: developer on p\n"},
		"user grant ann --pipeline p --remove":         {"DELETE /api/users/ann/grants/p", "", "", "took the grant back\n"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked, sent string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				asked, sent = r.Method+" "+r.URL.String(), string(data)
				fmt.Fprint(w, test.answer)
			}))
			defer server.Close()
			a, stdout, stderr := clientApp(server.URL)
			if code := a.main(t.Context(), strings.Fields(line)); code != 0 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			if asked != test.asks || !strings.Contains(stdout.String(), test.shows) {
				t.Errorf("asked %s; showed:\n%s\nwant %s:\n%s", asked, stdout, test.asks, test.shows)
			}
			if diff := cmp.Diff(test.body, strings.TrimSpace(sent)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAccessCommandsRefuse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"token create":                                "arg",
		"token create a --expires x":                  "--expires",
		"user update ann":                             "at least one",
		"user update ann --enable --disable":          "none of the others",
		"user grant ann --role viewer":                "pipeline",
		"user grant ann --pipeline p":                 "at least one",
		"user grant a --pipeline p --role r --remove": "none of the others",
		"session revoke":                              "--all",
		"session revoke s --all":                      "--all",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			a, _, stderr := clientApp("http://127.0.0.1:1")
			if code := a.main(t.Context(), strings.Fields(line)); code != exitUsage || !strings.Contains(stderr.String(), want) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"90d": now.AddDate(0, 0, 90), "12h": now.Add(12 * time.Hour), "60": now.Add(time.Minute)} {
		if got, err := expiry(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1d", "0d", "d", "99999999d", "x", "1y"} {
		if _, err := expiry(text, now); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
