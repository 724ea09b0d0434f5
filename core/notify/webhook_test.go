package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
)

// A receiver gets each event once, signed, with what it needs to know.
func TestWebhook(t *testing.T) {
	t.Parallel()
	b, v := newBench(t, nil), receive(t, nil)
	b.secret("HOOK", "s3cret-of-the-hook")
	b.secret("HOOK_PATH", "p4th")
	config := map[string]string{"webhook_url": v.URL + "/${{ secrets.HOOK_PATH }}", "webhook_secret": "HOOK"}
	target := []core.NotificationTarget{{Type: core.TargetWebhook, Config: config}}
	e := b.execution(&core.Notifications{OnStart: target, OnSuccess: target, OnFinish: target})
	b.fail(e)
	list := b.settled(e, 2)
	calls := v.got()
	if len(calls) != 2 || len(list) != 2 {
		t.Fatalf("%d calls, %+v", len(calls), list)
	}
	got := map[string]notify.Payload{}
	for _, c := range calls {
		checkSignature(t, "s3cret-of-the-hook", c)
		var p notify.Payload
		if err := json.Unmarshal([]byte(c.body), &p); err != nil {
			t.Fatal(err)
		}
		if c.header.Get("X-Patchbay-Delivery") != p.ID || c.header.Get("X-Patchbay-Event") != string(p.Event) || c.path != "/p4th" ||
			c.header.Get("User-Agent") != "patchbay/1.2.3" {
			t.Errorf("%+v", c)
		}
		got[string(p.Event)] = p
	}
	failure := got["failure"]
	if failure.ID != e.ID+".on_finish.failure.0" || failure.Execution.Status != core.StatusFailed ||
		failure.Execution.URL != "https://ci.example.com/api/ci/executions/"+e.ID || got["start"].Execution.Status != core.StatusRunning {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]notify.PayloadStep{{Stage: "test", Name: "unit", Status: core.StatusFailed, Reason: "exit code 1"}}, failure.Failed); diff != "" {
		t.Error(diff)
	}
	for _, line := range []string{"site #1 failed on main\n", "Reason: step unit: exit code 1\n", "Failed: test / unit (exit code 1)\n", "Link: https://ci.example.com/"} {
		if !strings.Contains(failure.Message, line) {
			t.Errorf("no %q in\n%s", line, failure.Message)
		}
	}
	for _, n := range list {
		if n.State != core.NotificationSent || n.Attempts != 1 || n.SentAt == nil || n.Target != strings.TrimPrefix(v.URL, "http://") {
			t.Errorf("%+v", n)
		}
	}
}

// checkSignature computes it as WEBHOOK.md says.
func checkSignature(t *testing.T, secret string, c call) {
	t.Helper()
	stamp, signature, _ := strings.Cut(strings.TrimPrefix(c.header.Get("X-Patchbay-Signature"), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + c.body))
	if want := hex.EncodeToString(mac.Sum(nil)); want != signature {
		t.Errorf("signature %q, want %q", c.header.Get("X-Patchbay-Signature"), want)
	}
}

// What is wrong with receivers is tried again as far as that can help, with the same ID,
// and said in words without the address.
func TestReceivers(t *testing.T) {
	t.Parallel()
	private := receive(t, nil)
	elsewhere := strings.Replace(private.URL, "127.0.0.1", "127.0.0.2", 1)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	status := func(codes ...int) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, number int) {
			w.WriteHeader(codes[min(number, len(codes))-1])
			_, _ = w.Write([]byte("because\n of \x1b[31m" + strings.Repeat("x", 1<<20)))
		}
	}
	redirect := func(to string, code int) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, number int) { http.Redirect(w, r, to, code) }
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request, int)
		url    string
		state  core.NotificationState
		tries  int
		says   string
	}{
		"fails twice":        {answer: status(500, 503, 204), state: core.NotificationSent, tries: 3},
		"always fails":       {answer: status(500), state: core.NotificationFailed, tries: notify.MaxAttempts, says: "500 Internal Server Error: because of [31mxx"},
		"is busy":            {answer: status(429, 200), state: core.NotificationSent, tries: 2},
		"knows nothing":      {answer: status(404), state: core.NotificationFailed, tries: 1, says: "404 Not Found"},
		"refuses":            {url: "http://" + closed.Addr().String() + "/p4th", state: core.NotificationFailed, tries: notify.MaxAttempts, says: "connection refused"},
		"hangs":              {answer: func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, state: core.NotificationFailed, tries: notify.MaxAttempts, says: "did not answer in time"},
		"hangs up":           {answer: func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) }, state: core.NotificationFailed, tries: notify.MaxAttempts, says: "EOF"},
		"is private":         {url: elsewhere, state: core.NotificationFailed, tries: 1, says: "notify_networks"},
		"leads to a private": {answer: redirect(elsewhere, 307), state: core.NotificationFailed, tries: 1, says: "notify_networks"},
		"leads elsewhere":    {answer: redirect(private.URL, 308), state: core.NotificationSent, tries: 1},
		"leads to a GET":     {answer: redirect(private.URL, 302), state: core.NotificationFailed, tries: 1, says: "redirect"},
		"leads in a circle":  {answer: redirect("/again", 307), state: core.NotificationFailed, tries: 1, says: "redirect"},
		"is a file":          {url: "file:///etc/passwd", state: core.NotificationFailed, tries: 1, says: "http://"},
		"is nowhere":         {url: "http://nowhere.invalid/p4th", state: core.NotificationFailed, tries: notify.MaxAttempts, says: "resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(o *notify.Options) {
				if name == "hangs" {
					o.SendTimeout = 20 * time.Millisecond
				}
			})
			v := receive(t, test.answer)
			if test.url == "" {
				test.url = v.URL + "/p4th"
			}
			b.secret("URL", test.url)
			e := b.execution(onFailure(core.TargetWebhook, map[string]string{"webhook_url": "${URL}"}))
			b.fail(e)
			n := b.settled(e, 1)[0]
			if n.State != test.state || n.Attempts != test.tries || !strings.Contains(n.LastError, test.says) {
				t.Errorf("%+v", n)
			}
			if strings.Contains(n.LastError, "p4th") || len(n.LastError) > 600 || strings.ContainsAny(n.LastError, "\n\x1b") {
				t.Errorf("%q", n.LastError)
			}
			for _, c := range v.got() {
				if c.header.Get("X-Patchbay-Delivery") != n.ID {
					t.Errorf("another ID: %+v", c.header)
				}
				if c.header.Get("X-Patchbay-Signature") != "" {
					t.Error("signed with nothing")
				}
			}
		})
	}
}

// A receiver that hangs holds up neither runs nor other receivers.
func TestOneHangs(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBench(t, nil)
	slow := receive(t, func(http.ResponseWriter, *http.Request, int) { <-release })
	t.Cleanup(func() { close(release) })
	fast := receive(t, nil)
	for range 20 {
		b.fail(b.execution(onFailure(core.TargetWebhook, map[string]string{"webhook_url": slow.URL})))
	}
	e := b.execution(onFailure(core.TargetWebhook, map[string]string{"webhook_url": fast.URL}))
	b.fail(e)
	if n := b.settled(e, 1)[0]; n.State != core.NotificationSent {
		t.Errorf("%+v", n)
	}
	if n := len(slow.got()); n > 4 {
		t.Errorf("%d at once to one receiver", n)
	}
}
