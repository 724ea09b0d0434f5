package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

type fixedHealth core.HealthReport

func (f fixedHealth) Check(context.Context) core.HealthReport { return core.HealthReport(f) }

func TestReadiness(t *testing.T) {
	t.Parallel()
	store := core.ComponentHealth{Name: "store", Status: core.HealthPass, Measure: "responseTime", Unit: "ms", Value: 0.5, At: time.Unix(1e9, 0).UTC()}
	away := core.ComponentHealth{Name: "store", Status: core.HealthFail, Message: "it does not answer", Err: errors.New("/secret/path"), At: time.Unix(1e9, 0).UTC()}
	disk := core.ComponentHealth{Name: "disk", Status: core.HealthWarn, Message: "low", At: time.Unix(1e9, 0).UTC()}
	for name, test := range map[string]struct {
		report core.HealthReport
		status int
		output string
	}{
		"ready":    {core.HealthReport{Status: core.HealthPass, Components: []core.ComponentHealth{store}}, 200, ""},
		"a worry":  {core.HealthReport{Status: core.HealthWarn, Components: []core.ComponentHealth{store, disk}}, 200, ""},
		"no store": {core.HealthReport{Status: core.HealthFail, Components: []core.ComponentHealth{away, disk}}, 503, "not ready: store"},
		"stopping": {core.HealthReport{Status: core.HealthFail, Phase: "stopping", Components: []core.ComponentHealth{store}}, 503, "not ready: stopping"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(h *handlers) { h.Observe.Health = fixedHealth(test.report) })
			for _, path := range []string{"/readyz", "/api/readyz"} {
				for _, known := range []bool{true, false} {
					request, err := http.NewRequestWithContext(t.Context(), "GET", b.server.URL+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					if known {
						request.Header.Set("Authorization", "Bearer "+token)
					}
					a := b.send(request)
					got := decoded[Readiness](t, a)
					if a.status != test.status || value(got.Output) != test.output || string(got.Status) != string(test.report.Status) || a.header.Get("Content-Type") != healthJSON {
						t.Errorf("%+v", a)
					}
					if (got.Checks != nil) != known || (got.ReleaseId != nil) != known || strings.Contains(a.body, "secret") {
						t.Errorf("known %v: %s", known, a.body)
					}
				}
			}
			if a := b.do("GET", "/livez", "", ""); a.status != 200 || !strings.Contains(a.body, `"pass"`) {
				t.Errorf("%+v", a)
			}
			a := b.do("GET", "/api/healthchecker", "", "")
			if health := decoded[Health](t, a); (a.status == 503) != (name == "no store") || len(*health.Components) != len(test.report.Components) ||
				(health.Database.Status == "disconnected") != (name == "no store") {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestDetailsOfTheHealthCheck(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	request, err := http.NewRequestWithContext(t.Context(), "GET", b.server.URL+"/api/healthchecker", nil)
	if err != nil {
		t.Fatal(err)
	}
	health := decoded[Health](t, b.send(request))
	if health.Components != nil || len(health.Connectors.Broken) != 0 || health.Connectors.Total != 2 || health.Status != "success" {
		t.Errorf("a stranger is told %+v", health)
	}
}

func TestMetricsWantAToken(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(h *handlers) {
		h.Observe.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a 1\n")) })
	})
	response, err := http.Get(b.server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", response.StatusCode)
	}
	for _, path := range []string{"/metrics", "/api/metrics"} {
		if a := b.do("GET", path, "", ""); a.status != 200 || a.body != "a 1\n" {
			t.Errorf("%+v", a)
		}
	}
	if a := newBench(t).do("GET", "/metrics", "", ""); a.status != http.StatusNotImplemented {
		t.Errorf("a server without: %+v", a)
	}
}

// While a server starts, probes are answered and all else waits for it.
func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, throughGate)
}

func throughGate(t *testing.T) {
	gate := NewGate()
	ask := func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		gate.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		return recorder
	}
	if a := ask("/livez"); a.Code != 200 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	if a := ask("/api/readyz"); a.Code != 503 || !strings.Contains(a.Body.String(), "not ready: starting") || a.Header().Get("Retry-After") == "" {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
	answered := make(chan int)
	go func() { answered <- ask("/api/queue").Code }()
	synctest.Wait() // until it waits
	for len(gate.waiting) < maxAtGate {
		gate.waiting <- struct{}{}
	}
	if a := ask("/api/queue"); a.Code != 503 || !strings.Contains(a.Body.String(), "the server is starting") {
		t.Errorf("one too many: %d: %s", a.Code, a.Body)
	}
	gate.Open(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	if code := <-answered; code != http.StatusTeapot {
		t.Errorf("the one who waited: %d", code)
	}
	if a := ask("/readyz"); a.Code != http.StatusTeapot {
		t.Errorf("%d", a.Code)
	}
}
