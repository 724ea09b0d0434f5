package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// inbox keeps what came in, by whatever way: what, and from a program its body.
type inbox struct {
	mu   sync.Mutex
	came []string
	more news
}

func (b *inbox) put(what, body string) {
	defer b.more.came()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.came = append(b.came, what+" "+body)
}

func (b *inbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.came...)
}

// await waits until something came that begins and goes on like this.
func (b *inbox) await(t *testing.T, what string, parts ...string) {
	t.Helper()
	if !b.more.await(func() bool { return b.has(what, parts) }) {
		t.Fatalf("no %s with %q came; what came:\n%s", what, parts, strings.Join(b.all(), "\n"))
	}
}

func (b *inbox) has(what string, parts []string) bool {
	return slices.ContainsFunc(b.all(), func(came string) bool {
		found := strings.HasPrefix(came, what+" ")
		for _, part := range parts {
			found = found && strings.Contains(came, part)
		}
		return found
	})
}

// mailbox is a real SMTP server that puts letters into an inbox.
type mailbox struct{ *inbox }

func (m mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }
func (mailbox) Mail(string, *smtp.MailOptions) error          { return nil }
func (m mailbox) Rcpt(to string, _ *smtp.RcptOptions) error   { m.put("rcpt", to); return nil }
func (mailbox) Reset()                                        {}
func (mailbox) Logout() error                                 { return nil }
func (m mailbox) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	m.put("mail", string(body))
	return err
}

func (b *inbox) mailServer(t *testing.T) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(mailbox{b})
	server.Domain = "mail.example.com"
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

// webServer puts what is posted into the inbox; answer decides what is answered.
func (b *inbox) webServer(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.put(r.URL.Path, r.Header.Get("X-Patchbay-Delivery")+" "+r.Header.Get("X-Patchbay-Signature")+" "+string(body))
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// notificationView is the part of the API's notification that the tests look at.
type notificationView struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Attempts  int    `json:"attempts"`
	LastError string `json:"last_error"`
}

// notified waits until so many notifications of an execution have this state.
func (s *liveServer) notified(id, state string, many int) []notificationView {
	s.t.Helper()
	for deadline := time.Now().Add(eventually); ; time.Sleep(10 * time.Millisecond) {
		var list, found []notificationView
		s.decode(s.client("execution", "notifications", id, "-o", "json"), &list)
		for _, n := range list {
			if n.State == state {
				found = append(found, n)
			}
		}
		if len(found) == many {
			return found
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d are %s, want %d: %+v", len(found), state, many, list)
		}
	}
}

// A run fails: the e-mail, the Slack message, the webhook and the status of the commit
// arrive and say so; what could not be sent is shown, and sent when it is mended.
func TestNotifications(t *testing.T) {
	t.Parallel()
	box, data := &inbox{}, t.TempDir()
	url := box.webServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/chat.postMessage" {
			fmt.Fprint(w, `{"ok":true}`)
		}
	})
	journal := filepath.Join(t.TempDir(), "journal")
	config := fmt.Sprintf("smtp: {host: 127.0.0.1, port: %d, tls: none, from: ci@example.com}\nslack_url: %s/api\nnotify_networks: 127.0.0.1\n", box.mailServer(t), url)
	if err := os.WriteFile(filepath.Join(data, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, data, "PATCHBAY_PUBLIC_URL=https://ci.example.com", "PATCHBAY_PLUGIN_ENV=PATCHBAY_FAKE_JOURNAL", "PATCHBAY_FAKE_JOURNAL="+journal)
	for _, name := range []string{"SLACK_TOKEN", "HOOK", "FAKE_TOKEN"} {
		if o := patchbayWithValue(t, s, "the-value-of-"+name, "secret", "set", name); o.code != 0 {
			t.Fatal(o.stderr)
		}
	}
	id := s.create(write(t, "p.yaml", `name: site
notifications:
  on_start:
    - {target_type: fake}
  on_failure:
    - {target_type: email, config: {email: ann@example.com}}
    - {target_type: slack, config: {slack_channel: "#ci", slack_token: SLACK_TOKEN, message: "${CI_PIPELINE_NAME} is broken: ${CI_URL}"}}
    - {target_type: webhook, config: {webhook_url: "`+url+`/hook", webhook_secret: "${{ secrets.HOOK }}"}}
    - {target_type: webhook, config: {webhook_url: "${{ secrets.LATER }}"}}
    - {target_type: fake, config: {github_status: ci/site}}
stages: [{name: test, steps: [{name: unit, run: exit 3}]}]
`))
	execution := s.trigger(id, "--branch", "main", "--repository", "acme/site", "--commit", "0123456789abcdef")
	if e := s.finished(execution); e.Status != "failed" {
		t.Fatalf("%+v", e)
	}
	box.await(t, "mail", "Subject: [Patchbay] site #1 failed on main", "Failed: test / unit", "Link: https://ci.example.com/api/ci/executions/")
	box.await(t, "rcpt", "ann@example.com")
	box.await(t, "/api/chat.postMessage", `"channel":"#ci"`, "site is broken: https://ci.example.com/")
	box.await(t, "/hook", execution+".on_failure.failure.2 t=", ",v1=", `"event":"failure"`, `"status":"failed"`)
	failed := s.notified(execution, "failed", 1)[0]
	if !strings.Contains(failed.LastError, "no secret LATER") || failed.Attempts != 1 {
		t.Errorf("%+v", failed)
	}
	s.notified(execution, "sent", 5)
	content, err := os.ReadFile(journal)
	if err != nil || !strings.Contains(string(content), "ReportStatus running patchbay/site acme/site@0123456789abcdef with token\n") ||
		!strings.Contains(string(content), "ReportStatus failed ci/site acme/site@0123456789abcdef with token\n") {
		t.Errorf("%s, %v", content, err)
	}
	if o := patchbayWithValue(t, s, url+"/later", "secret", "set", "LATER"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	if o := s.client("execution", "notifications", execution, "--retry", failed.ID); o.code != 0 || !strings.Contains(o.stdout, "will be sent") {
		t.Errorf("%+v", o)
	}
	box.await(t, "/later", failed.ID)
	s.notified(execution, "sent", 6)
	if o := s.client("execution", "notifications", execution, "--retry", failed.ID); o.code == 0 || !strings.Contains(o.stderr, "sent already") {
		t.Errorf("%+v", o)
	}
	if o := s.client("execution", "notifications", execution); o.code != 0 || !strings.Contains(o.stdout, "ann@example.com") || strings.Contains(o.stdout, "/hook") {
		t.Error(o.stdout)
	}
	for what, text := range map[string]string{"the log": s.stderr.String(), "what came": strings.Join(box.all(), "\n")} {
		if strings.Contains(text, "the-value-of") {
			t.Errorf("a secret is in %s:\n%s", what, text)
		}
	}
}

// patchbayWithValue runs a client command with something to read.
func patchbayWithValue(t *testing.T, s *liveServer, input string, args ...string) outcome {
	t.Helper()
	file := write(t, "value", input)
	return s.client(append(args, "--from-file", file)...)
}

// A server that is killed again and again while runs end loses no notification; what
// comes twice has the same ID.
func TestNotificationsOverKills(t *testing.T) {
	t.Parallel()
	box, data := &inbox{}, t.TempDir()
	url := box.webServer(t, nil)
	const networks = "PATCHBAY_NOTIFY_NETWORKS=127.0.0.1"
	s := startServer(t, data, networks)
	id := s.create(write(t, "p.yaml", `name: many
notifications:
  on_start: [{target_type: webhook, config: {webhook_url: "`+url+`/hook"}}]
  on_finish: [{target_type: webhook, config: {webhook_url: "`+url+`/hook"}}]
stages: [{name: s, steps: [{name: a, run: "sleep 0.05"}]}]
`))
	const rounds, each = 3, 12
	var executions []string
	for range rounds {
		for range each {
			executions = append(executions, s.trigger(id))
		}
		s.signal(syscall.SIGKILL)
		s = startServer(t, data, networks)
	}
	for _, execution := range executions {
		if e := s.finished(execution); e.Status != "success" {
			t.Errorf("%+v", e)
		}
		s.notified(execution, "sent", 2)
	}
	ids := map[string]int{}
	for _, came := range box.all() {
		var payload struct{ ID string }
		if err := json.Unmarshal([]byte(came[strings.IndexByte(came, '{'):]), &payload); err != nil {
			t.Fatal(err)
		}
		ids[payload.ID]++
	}
	twice := 0
	for _, n := range ids {
		twice += n - 1
	}
	if len(ids) != 2*rounds*each {
		t.Errorf("%d different messages came, want %d", len(ids), 2*rounds*each)
	}
	// Only what was on its way at a kill may come again.
	if twice > 16*rounds {
		t.Errorf("%d came again", twice)
	}
}
