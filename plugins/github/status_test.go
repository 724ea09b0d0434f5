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

const commitSHA = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"

// forge is a server in GitHub's place that answers as it is told.
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
	return sdk.StatusReport{Repository: "acme/site", Commit: commitSHA, State: sdk.RunFailed, Description: strings.Repeat("é", 200),
		URL: "https://ci.example.com/1", Context: "patchbay/build", Secrets: map[string]string{tokenName: "ghp_x", apiName: f.URL + "/api/v3/"}}
}

func TestReportStatus(t *testing.T) {
	t.Parallel()
	f := newForge(t, takes)
	if err := newConnector().ReportStatus(t.Context(), report(f)); err != nil {
		t.Fatal(err)
	}
	r := <-f.request
	if r.Method != http.MethodPost || r.URL.Path != "/api/v3/repos/acme/site/statuses/"+commitSHA || r.Header.Get("Authorization") != "Bearer ghp_x" {
		t.Errorf("%s %s %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
	}
	var got status
	if err := json.Unmarshal([]byte(<-f.body), &got); err != nil {
		t.Fatal(err)
	}
	want := status{State: "failure", TargetURL: "https://ci.example.com/1", Description: strings.Repeat("é", 139) + "…", Context: "patchbay/build"}
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
		"missing right": {http.StatusForbidden, map[string]string{"X-RateLimit-Remaining": "12"}, sdk.ClassAuthentication},
		"limit":         {http.StatusForbidden, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, sdk.ClassExternalService},
		"second limit":  {http.StatusForbidden, map[string]string{"Retry-After": "60"}, sdk.ClassExternalService},
		"too many":      {http.StatusTooManyRequests, nil, sdk.ClassExternalService},
		"not there":     {http.StatusNotFound, nil, sdk.ClassNotFound},
		"no commit":     {http.StatusUnprocessableEntity, nil, sdk.ClassInvalidConfig},
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
			if sdk.ClassOf(err) != c.class || !strings.Contains(err.Error(), "the reason") || strings.Contains(err.Error(), "ghp_x") {
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
		"repository": func(r *sdk.StatusReport) { r.Repository = "a/b/c" },
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
	c.environment = func(string) string { return "https://ghe.example.com/api/v3" }
	if got := c.api(nil); got != "https://ghe.example.com/api/v3" {
		t.Error(got)
	}
	if got := c.api(map[string]string{apiName: "https://other"}); got != "https://other" {
		t.Error(got)
	}
	for text, want := range map[string]string{"acme/site": "acme/site", "https://evil.example.com/acme/site.git": "acme/site", "git@github.com:acme/site.git": "acme/site"} {
		if got, err := repositoryOf(text); got != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f := newForge(t, takes)
	config, err := json.Marshal(map[string]string{"repository": "acme/site", "sha": commitSHA, "state": "success", "api_url": f.URL})
	if err != nil {
		t.Fatal(err)
	}
	sdktest.Run(t, newConnector(), sdktest.Case{Name: "status", Config: config, Secrets: map[string]string{tokenName: "ghp_secret"},
		Expect: sdktest.Expectation{Stdout: sdktest.Text("patchbay of " + commitSHA + " is success\n")}})
}
