package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logLine is a line of a server's log as JSON.
type logLine struct {
	Level     string `json:"@level"`
	Message   string `json:"@message"`
	RequestID string `json:"request_id"`
	Execution string `json:"execution"`
	Route     string `json:"route"`
	For       string `json:"for"`
	Address   string `json:"address"`
}

// logLines reads the log of a server, of which every line must be JSON.
func (s *liveServer) logLines() []logLine {
	s.t.Helper()
	var list []logLine
	for line := range strings.Lines(s.stderr.String()) {
		var one logLine
		if strings.HasPrefix(line, "patchbay: ") || !strings.HasSuffix(line, "\n") { // for the person who stops it, or not all here yet
			continue
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			s.t.Fatalf("%v in %q", err, line)
		}
		list = append(list, one)
	}
	return list
}

// listening is where a server listens for something that is not for everybody.
func (s *liveServer) listening(what string) string {
	s.t.Helper()
	// It has said so when it serves, but the line may still be on its way to here.
	address := ""
	found := s.stderr.wrote.await(func() bool {
		for _, line := range s.logLines() {
			if line.Message == "listening" && line.For == what {
				address = "http://" + line.Address
			}
		}
		return address != ""
	})
	if !found {
		s.t.Fatalf("it does not listen for %s:\n%s", what, s.stderr.String())
	}
	return address
}

// ask makes a request without a token.
func ask(t *testing.T, url, host string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestAddressesAside(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "config.yaml"), []byte("log_format: json\nmetrics_listen: 127.0.0.1:0\ndebug_listen: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, data)
	metrics, profiles := s.listening("metrics"), s.listening("profiles")
	for _, test := range []struct {
		url, host string
		status    int
		says      string
	}{
		{metrics + "/metrics", "", 200, "patchbay_build_info"},
		{metrics + "/readyz", "", 200, `"pass"`},
		{metrics + "/livez", "", 200, `"pass"`},
		{metrics + "/api/queue", "", 404, ""},
		{metrics + "/debug/pprof/", "", 404, ""},
		{profiles + "/debug/pprof/", "", 200, "goroutine"},
		{profiles + "/debug/pprof/", "rebound.example.com", 403, "loopback"},
		{profiles + "/metrics", "", 404, ""},
		{s.url + "/metrics", "", 401, "token"},
		{s.url + "/debug/pprof/", "", 404, ""},
	} {
		if status, body := ask(t, test.url, test.host); status != test.status || !strings.Contains(body, test.says) {
			t.Errorf("%s by %q: %d, want %d: %.200s", test.url, test.host, status, test.status, body)
		}
	}
}

// One ID leads from the client's request to the execution and its lines.
func TestRequestIsFoundInTheLog(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), "PATCHBAY_LOG_FORMAT=json")
	pipeline := s.create("../../examples/pipelines/hello.yaml")
	request, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/api/ci/pipelines/"+pipeline+"/trigger", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("X-Request-Id", "from-the-client")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if status, _ := ask(t, s.url+"/api/queue?access_token=hidden", ""); status != http.StatusUnauthorized {
		t.Errorf("a token in the query: %d", status)
	}
	if response.Header.Get("X-Request-Id") != "from-the-client" {
		t.Errorf("%v", response.Header)
	}
	s.signal(syscall.SIGTERM) // what it had to say it has said
	var triggered, answered bool
	for _, line := range s.logLines() {
		switch {
		case line.RequestID == "from-the-client" && line.Message == "triggered":
			triggered = line.Execution != ""
		case line.RequestID == "from-the-client" && line.Message == "request":
			answered = line.Route == "/api/ci/pipelines/{id}/trigger"
		}
	}
	if said := s.stderr.String(); !triggered || !answered || strings.Contains(said, "hidden") || strings.Contains(said, s.token) {
		t.Errorf("%s", said)
	}
}

// stubbornPipeline has a step that does not end when it is asked to.
const stubbornPipeline = `
name: stubborn
stages:
  - name: s
    steps:
      - name: a
        run: |
          trap 'while [ ! -e "$DIR/go" ]; do sleep 0.02; done; exit 0' TERM
          echo begun >"$DIR/begun"
          while :; do sleep 0.02; done
`

// A server that stops is alive and not ready, and says so as long as it answers.
func TestNotReadyWhileItStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, t.TempDir())
	if status, body := ask(t, s.url+"/readyz", ""); status != http.StatusOK {
		t.Fatalf("%d: %s", status, body)
	}
	s.trigger(s.create(write(t, "p.yaml", stubbornPipeline)), "--env", "DIR="+dir)
	awaitFile(t, filepath.Join(dir, "begun"))
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(eventually)
	for {
		status, body := ask(t, s.url+"/readyz", "")
		if status == http.StatusServiceUnavailable && strings.Contains(body, "not ready: stopping") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d: %s", status, body)
		}
	}
	if status, body := ask(t, s.url+"/livez", ""); status != http.StatusOK {
		t.Errorf("%d: %s", status, body)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
}
