package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// forge is a server in GitLab's place that answers as it is told.
type forge struct {
	*httptest.Server
	request chan *http.Request
	body    chan string
}

func newForge(t *testing.T, answer http.HandlerFunc) *forge {
	t.Helper()
	f := &forge{request: make(chan *http.Request, 100), body: make(chan string, 100)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		f.request <- r
		f.body <- string(body)
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func takes(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }

func report(f *forge) sdk.StatusReport {
	return sdk.StatusReport{Repository: "group/sub/site", Commit: commitSHA, State: sdk.RunFailed, Description: strings.Repeat("é", 300),
		URL: "https://ci.example.com/1", Context: "patchbay/build", Secrets: map[string]string{tokenName: "glpat-x", apiName: f.URL + "/api/v4/"}}
}

func TestReportStatus(t *testing.T) {
	t.Parallel()
	f := newForge(t, takes)
	if err := newConnector().ReportStatus(t.Context(), report(f)); err != nil {
		t.Fatal(err)
	}
	r := <-f.request
	if r.Method != http.MethodPost || r.URL.EscapedPath() != "/api/v4/projects/group%2Fsub%2Fsite/statuses/"+commitSHA || r.Header.Get("Authorization") != "Bearer glpat-x" {
		t.Errorf("%s %s %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
	}
	var got status
	if err := json.Unmarshal([]byte(<-f.body), &got); err != nil {
		t.Fatal(err)
	}
	want := status{State: "failed", TargetURL: "https://ci.example.com/1", Description: strings.Repeat("é", 254) + "…", Name: "patchbay/build"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRefusals: the class says whether it is worth trying again.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		headers map[string]string
		class   sdk.ErrorClass
	}{
		"wrong token":   {http.StatusUnauthorized, nil, sdk.ClassAuthentication},
		"missing right": {http.StatusForbidden, nil, sdk.ClassAuthentication},
		"too many":      {http.StatusTooManyRequests, nil, sdk.ClassExternalService},
		"not there":     {http.StatusNotFound, nil, sdk.ClassNotFound},
		"bad request":   {http.StatusBadRequest, nil, sdk.ClassInvalidConfig},
		"down":          {http.StatusBadGateway, nil, sdk.ClassExternalService},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range c.headers {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, `{"message":"the reason"}`)
			})
			err := newConnector().ReportStatus(t.Context(), report(f))
			if sdk.ClassOf(err) != c.class || !strings.Contains(err.Error(), "the reason") || strings.Contains(err.Error(), "glpat-x") {
				t.Errorf("%s: %v", sdk.ClassOf(err), err)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		f := newForge(t, takes)
		r := report(f)
		f.Close()
		if err := newConnector().ReportStatus(t.Context(), r); sdk.ClassOf(err) != sdk.ClassExternalService {
			t.Error(err)
		}
	})
}

// TestBadReports: nothing of them goes to the network.
func TestBadReports(t *testing.T) {
	t.Parallel()
	f := newForge(t, takes)
	for name, change := range map[string]func(r *sdk.StatusReport){
		"no token":   func(r *sdk.StatusReport) { r.Secrets = map[string]string{apiName: f.URL} },
		"branch":     func(r *sdk.StatusReport) { r.Commit = "main" },
		"no commit":  func(r *sdk.StatusReport) { r.Commit = "" },
		"traversal":  func(r *sdk.StatusReport) { r.Repository = "../x" },
		"repository": func(r *sdk.StatusReport) { r.Repository = "a b/c" },
		"state":      func(r *sdk.StatusReport) { r.State = "odd" },
		"address":    func(r *sdk.StatusReport) { r.Secrets[apiName] = "example" },
	} {
		r := report(f)
		change(&r)
		if err := newConnector().ReportStatus(t.Context(), r); sdk.ClassOf(err) != sdk.ClassInvalidConfig && sdk.ClassOf(err) != sdk.ClassAuthentication {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.request) > 0 {
		t.Errorf("%d requests were made", len(f.request))
	}
}

// TestAPIAddress: the token only goes where a secret or the server's own environment
// says, whatever address a repository has.
func TestAPIAddress(t *testing.T) {
	t.Parallel()
	c := newConnector()
	c.environment = func(string) string { return "https://gitlab.example.com/api/v4" }
	if got := c.api(nil); got != "https://gitlab.example.com/api/v4" {
		t.Error(got)
	}
	if got := c.api(map[string]string{apiName: "https://other"}); got != "https://other" {
		t.Error(got)
	}
	for text, want := range map[string]string{"acme/site": "acme/site", "https://evil.example.com/acme/site.git": "acme/site", "git@gitlab.com:acme/site.git": "acme/site"} {
		if got, err := projectOf(text); got != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

// TestSameStatus: GitLab refuses to give a status the state that it has.
func TestSameStatus(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]sdk.ErrorClass{
		"Cannot transition status via :run from :running (Reason(s): Status cannot transition via run)":         "",
		"Cannot transition status via :enqueue from :success (Reason(s): Status cannot transition via enqueue)": sdk.ClassInvalidConfig,
	} {
		f := newForge(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
		})
		if err := newConnector().ReportStatus(t.Context(), report(f)); sdk.ClassOf(err) != want {
			t.Errorf("%s: %v", message, err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f := newForge(t, takes)
	config, err := json.Marshal(map[string]string{"project_id": "15", "sha": commitSHA, "state": "success", "api_url": f.URL})
	if err != nil {
		t.Fatal(err)
	}
	sdktest.Run(t, newConnector(), sdktest.Case{Name: "status", Config: config, Secrets: map[string]string{tokenName: "glpat-secret"},
		Expect: sdktest.Expectation{Stdout: sdktest.Text("patchbay of " + commitSHA + " is success\n")}})
}
