package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// as is the same server for somebody else.
func (s *liveServer) as(token string) *liveServer {
	other := *s
	other.token = token
	return &other
}

// post sends JSON with the server's token and decodes the answer.
func (s *liveServer) post(path, body string, into any) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.decode(outcome{stdout: string(data)}, into)
	return response.StatusCode
}

// An administrator lets somebody in, who may do what they were given and no more, until
// it is taken back; a session outlives the server.
func TestSomebodyIsLetIn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data)
	pipeline := s.create(write(t, "p.yaml", "name: p\nstages: [{name: s, steps: [{name: a, run: echo hi}]}]\n"))
	run := func(s *liveServer, line string) outcome { return s.client(strings.Fields(line)...) }
	for _, line := range []string{"user create ann --role viewer", "user list", "session list --user ann"} {
		if o := run(s, line); o.code != 0 {
			t.Fatalf("%s: %s", line, o.stderr)
		}
	}
	var made struct{ Secret string }
	s.decode(run(s, "token create laptop --user ann -o json"), &made)
	ann := s.as(made.Secret)
	if o := run(ann, "pipeline list"); o.code != 0 || !strings.Contains(o.stdout, pipeline) {
		t.Errorf("list: %+v", o)
	}
	for _, line := range []string{"pipeline trigger " + pipeline, "pipeline delete " + pipeline, "user list", "secret set A --from-file /dev/null", "queue pause"} {
		if o := run(ann, line); o.code != exitFailed || !strings.Contains(o.stderr, "this needs the role") {
			t.Errorf("%s: %+v", line, o)
		}
	}
	if o := run(s, "user grant ann --role developer --pipeline "+pipeline); o.code != 0 {
		t.Fatal(o.stderr)
	}
	if e := ann.finished(ann.trigger(pipeline)); e.Status != "success" {
		t.Errorf("%+v", e)
	}
	var link struct{ Token string }
	s.decode(run(s, "user link ann -o json"), &link)
	var session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if status := s.as("").post("/api/sessions/login", `{"token":"`+link.Token+`"}`, &session); status != http.StatusOK {
		t.Fatalf("log in: %d", status)
	}
	s.signal(syscall.SIGKILL)
	s = startServer(t, data)
	if o := run(s.as(session.Access), "pipeline list"); o.code != 0 {
		t.Errorf("the session did not outlive the server: %s", o.stderr)
	}
	if status := s.as("").post("/api/sessions/refresh", `{"refresh_token":"`+session.Refresh+`"}`, &session); status != http.StatusOK {
		t.Errorf("refresh: %d", status)
	}
	if o := run(s, "user grant ann --role none --pipeline "+pipeline); o.code != 0 {
		t.Fatal(o.stderr)
	}
	if o := run(s.as(session.Access), "pipeline get "+pipeline); !strings.Contains(o.stderr, "there is no pipeline") {
		t.Errorf("hidden: %+v", o)
	}
	if o := run(s, "user update ann --disable"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	for _, token := range []string{made.Secret, session.Access} {
		if o := run(s.as(token), "pipeline list"); o.code != exitFailed {
			t.Errorf("disabled: %+v", o)
		}
	}
	if o := run(s, "audit list --who ann --limit 500"); !strings.Contains(o.stdout, "triggerPipeline") || !strings.Contains(o.stdout, "refused") {
		t.Errorf("audit: %+v", o)
	}
}
