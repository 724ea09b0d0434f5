package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceSeen is what the tests look at of a service.
type serviceSeen struct {
	Name, State, Version, Endpoint, Health string
}

const servicePipeline = `name: shop
stages: [{name: s, steps: [{name: web, step_type: fake, config: {action: deploy, service_name: web, version: "VERSION", unhealthy: UNHEALTHY, says: hello}}]}]
`

// TestServices: as a user would, with a real connector whose services are real processes,
// and a server that is killed in between.
func TestServices(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data)
	text := func(version, unhealthy string) string {
		return strings.NewReplacer("VERSION", version, "UNHEALTHY", unhealthy).Replace(servicePipeline)
	}
	id := s.create(write(t, "p.yaml", text("1", "false")))
	defer func() { s.client("service", "stop", "web") }() // not in a clean-up: the server is killed then
	run := func(want int) {
		t.Helper()
		if o := s.client("pipeline", "trigger", id, "-f"); o.code != want {
			t.Fatalf("%d %s %s", o.code, o.stdout, o.stderr)
		}
	}
	live := func(version string) serviceSeen {
		t.Helper()
		var got serviceSeen
		for end := time.Now().Add(eventually); ; time.Sleep(20 * time.Millisecond) {
			s.decode(s.client("service", "get", "web", "-o", "json"), &got)
			if got.State == "live" && got.Version == version {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("got %+v, want version %s", got, version)
			}
		}
		answer, err := http.Get(got.Endpoint + "/version")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if body, err := io.ReadAll(answer.Body); err != nil || !strings.HasPrefix(string(body), version+" ") {
			t.Errorf("%s says %q, %v", got.Endpoint, body, err)
		}
		return got
	}
	run(0)
	live("1")
	for i, version := range []struct{ name, unhealthy string }{{"2", "false"}, {"3", "true"}} {
		if o := s.client("pipeline", "update", id, write(t, "p.yaml", text(version.name, version.unhealthy))); o.code != 0 {
			t.Fatal(o.stderr)
		}
		run(i)
	}
	before := live("2")
	s.signal(syscall.SIGKILL)
	s = startServer(t, data)
	if after := live("2"); after.Endpoint != before.Endpoint {
		t.Errorf("it was at %s, now it is at %s", before.Endpoint, after.Endpoint)
	}
	if o := s.client("service", "rollback", "web"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	live("1")
	if o := s.client("service", "logs", "web"); o.stdout != "hello\n" {
		t.Errorf("%+v", o)
	}
	if o := s.client("service", "stop", "web"); o.code != 0 {
		t.Error(o.stderr)
	}
	if o := s.client("service", "ports", "-o", "json"); strings.TrimSpace(o.stdout) != "[]" {
		t.Errorf("ports are left: %s", o.stdout)
	}
}

// TestRunRefusesDeployments: there is nobody to look after the service.
func TestRunRefusesDeployments(t *testing.T) {
	t.Parallel()
	file := write(t, "p.yaml", strings.NewReplacer("VERSION", "1", "UNHEALTHY", "false").Replace(servicePipeline))
	if o := patchbay(t, "run", file); o.code != exitFailed || !strings.Contains(o.stdout+o.stderr, "only a server can look after") {
		t.Errorf("%+v", o)
	}
}
