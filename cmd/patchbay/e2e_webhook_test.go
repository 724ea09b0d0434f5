package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/sqlite"
)

const hookSecret = "the secret of the webhook"

const hookedPipeline = `name: hooked
triggers:
  - {trigger_type: git_push, config: {branch_patterns: [main], repository: acme/site}}
stages: [{name: s, steps: [{name: t, run: 'echo "$CI_EVENT $CI_BRANCH $CI_COMMIT_TITLE"'}]}]
`

// startHooked starts a server with a pipeline that pushes start.
func startHooked(t *testing.T, data string) (s *liveServer, pipeline string) {
	t.Helper()
	s = startServer(t, data)
	if o := s.client("secret", "set", "WEBHOOK_SECRET", "--from-file", write(t, "secret", hookSecret)); o.code != 0 {
		t.Fatal(o.stderr)
	}
	return s, s.create(write(t, "p.yaml", hookedPipeline))
}

// pushOf is GitHub's payload, padded to a size if that is given.
func pushOf(branch string, size int) []byte {
	body := fmt.Appendf(nil, `{"ref":"refs/heads/%s","after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5","repository":{"full_name":"acme/site"},
		"head_commit":{"id":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5","message":"a $(change)"}}`, branch)
	return append(body, bytes.Repeat([]byte(" "), max(size-len(body), 0))...)
}

type deliveryAnswer struct {
	DeliveryID  string `json:"delivery_id"`
	ExecutionID string `json:"execution_id"`
	Status      string `json:"status"`
	Message     string `json:"message"`
}

// deliver posts a push as GitHub does. The error is that of a server that is not there.
func (s *liveServer) deliver(path, id string, body []byte, change ...func(*http.Request)) (answer deliveryAnswer, status int, err error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return answer, 0, err
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write(body)
	for name, value := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": id,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)), "Expect": "100-continue"} {
		request.Header.Set(name, value)
	}
	for _, c := range change {
		c(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer, 0, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode == http.StatusAccepted {
		err = json.Unmarshal(data, &answer)
	}
	return answer, response.StatusCode, err
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	s, id := startHooked(t, t.TempDir())
	own, central := "/api/ci/pipelines/"+id+"/webhook", "/api/webhooks/github"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		path, id string
		body     []byte
		change   func(*http.Request)
		code     int
		status   string
	}{
		"its own address":   {own, "1", pushOf("main", 0), nil, 202, "triggered"},
		"all pipelines":     {central, "2", pushOf("main", 0), nil, 202, "triggered"},
		"another branch":    {own, "3", pushOf("dev", 0), nil, 202, "ignored"},
		"another event":     {own, "4", []byte(`{"action":"opened"}`), header("X-GitHub-Event", "issues"), 202, "ignored"},
		"the largest":       {own, "5", pushOf("main", core.MaxDelivery), nil, 202, "triggered"},
		"too large":         {own, "6", pushOf("main", core.MaxDelivery+1), nil, 413, ""},
		"too large, secret": {own, "6", pushOf("main", 26_300_000), func(r *http.Request) { r.ContentLength = -1 }, 413, ""},
		"wrong signature":   {own, "7", pushOf("main", 0), header("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64)), 401, ""},
		"no signature":      {central, "8", pushOf("main", 0), func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }, 401, ""},
		"no such pipeline":  {"/api/ci/pipelines/none/webhook", "9", pushOf("main", 0), nil, 401, ""},
		"no such connector": {"/api/webhooks/none", "10", pushOf("main", 0), nil, 404, ""},
		"content type":      {own, "11", pushOf("main", 0), header("Content-Type", "text/plain"), 415, ""},
		"half of it":        {own, "12", pushOf("main", 0)[:50], nil, 400, ""},
		"nothing":           {own, "13", nil, nil, 400, ""},
	} {
		answer, code, err := s.deliver(c.path, c.id, c.body, func(r *http.Request) {
			if c.change != nil {
				c.change(r)
			}
		})
		if err != nil || code != c.code || answer.Status != c.status && c.status != "" || (answer.ExecutionID != "") != (c.status == "triggered") {
			t.Errorf("%s: %v, %d, %+v", name, err, code, answer)
		}
		if c.status == "triggered" {
			if e := s.finished(answer.ExecutionID); e.Status != "success" || e.Stages[0].Steps[0].Stdout != "git_push main a $(change)\n" {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
	s.checkDeliveries(id)
}

// checkDeliveries lists, shows and repeats what TestWebhook has sent.
func (s *liveServer) checkDeliveries(pipeline string) {
	s.t.Helper()
	var list []struct {
		ID         string            `json:"id"`
		Status     string            `json:"status"`
		SenderID   string            `json:"sender_id"`
		Headers    map[string]string `json:"headers"`
		Payload    string            `json:"payload"`
		Executions []string          `json:"execution_ids"`
	}
	s.decode(s.client("webhook", "list", pipeline, "--status", "triggered", "-o", "json"), &list)
	if len(list) != 3 {
		s.t.Fatalf("%+v", list)
	}
	for _, d := range list {
		one := list[0]
		s.decode(s.client("webhook", "get", pipeline, d.ID, "-o", "json"), &one)
		if !strings.HasPrefix(one.Payload, `{"ref":"refs/heads/main"`) || one.Headers["x-github-delivery"] != d.SenderID || one.Headers["x-hub-signature-256"] != "" {
			s.t.Errorf("%+v", one)
		}
	}
	var again deliveryAnswer
	s.decode(s.client("webhook", "redeliver", pipeline, list[0].ID, "-o", "json"), &again)
	if again.Status != "triggered" || again.ExecutionID == list[0].Executions[0] {
		s.t.Errorf("%+v", again)
	}
	if o := s.client("webhook", "list", pipeline); !strings.Contains(o.stdout, "the signature is not right") || !strings.Contains(o.stdout, `the branch "dev" is none of main`) {
		s.t.Error(o.stdout)
	}
	if o := s.client("webhook", "list", "--connector", "github"); o.code != 0 || strings.Count(o.stdout, "\n") != 3 {
		s.t.Errorf("%s%s", o.stdout, o.stderr)
	}
}

// triggered returns how many executions a pipeline has.
func (s *liveServer) triggered(pipeline string) int {
	s.t.Helper()
	var list []executionView
	s.get("/api/ci/executions?limit=500&pipeline_id="+pipeline, &list)
	return len(list)
}

// TestWebhookKilled: a server that is killed while deliveries come in. What it had
// answered runs; what comes again after its next start runs once.
func TestWebhookKilled(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s, id := startHooked(t, data)
	path := "/api/ci/pipelines/" + id + "/webhook"
	const many = 150
	answered := map[string]string{}
	var mu sync.Mutex
	send := func(s *liveServer, until int) {
		work := make(chan int, many)
		for n := range many {
			work <- n
		}
		close(work)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for n := range work {
					sender := "d" + strconv.Itoa(n)
					answer, status, err := s.deliver(path, sender, pushOf("main", 0))
					if err != nil || status != http.StatusAccepted {
						continue
					}
					mu.Lock()
					if before := answered[sender]; before != "" && before != answer.ExecutionID {
						t.Errorf("%s was %s and is %s", sender, before, answer.ExecutionID)
					}
					answered[sender] = answer.ExecutionID
					if len(answered) == until {
						_ = s.command.Process.Kill()
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
	}
	send(s, many/3)
	s.signal(syscall.SIGKILL)
	s = startServer(t, data)
	send(s, -1)
	if n := s.triggered(id); n != many || len(answered) != many {
		t.Errorf("%d executions of %d deliveries, %d were answered", n, many, len(answered))
	}
	for sender, execution := range answered {
		if e := s.finished(execution); e.Status != "success" {
			t.Errorf("%s: %+v", sender, e)
		}
		if t.Failed() {
			return
		}
	}
}

// TestWebhookLeftOver: killed after a delivery was stored and before its execution was
// there. The next start creates it, and the one after that none more.
func TestWebhookLeftOver(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s, id := startHooked(t, data)
	s.signal(syscall.SIGKILL)
	store, err := sqlite.Open(t.Context(), filepath.Join(data, "patchbay.db"))
	if err != nil {
		t.Fatal(err)
	}
	execution := uuid.Must(uuid.NewV7()).String()
	d := &core.Delivery{ID: uuid.Must(uuid.NewV7()).String(), PipelineID: id, Connector: "github", SenderID: "left", Event: "push",
		Status: core.DeliveryReceived, ReceivedAt: time.Now(), Occurred: &core.ForgeEvent{Kind: core.EventPush, Branch: "main"},
		Targets: []core.DeliveryTarget{{PipelineID: id, Type: core.TriggerGitPush, ExecutionID: execution}}}
	if err := store.CreateDelivery(t.Context(), d, pushOf("main", 0)); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, data)
	answer, code, err := s.deliver("/api/ci/pipelines/"+id+"/webhook", "left", pushOf("main", 0))
	if err != nil || code != http.StatusAccepted || answer.ExecutionID != execution {
		t.Errorf("the same delivery again: %v, %d, %+v", err, code, answer)
	}
	if e := s.finished(execution); e.Status != "success" {
		t.Errorf("%+v", e)
	}
	s.signal(syscall.SIGKILL)
	s = startServer(t, data)
	if n := s.triggered(id); n != 1 {
		t.Errorf("%d executions", n)
	}
}

// TestWebhookConnectorKilled: the connector is killed while it has deliveries in its
// hands. Each is taken or refused; what is taken runs once.
func TestWebhookConnectorKilled(t *testing.T) {
	t.Parallel()
	s, id := startHooked(t, t.TempDir())
	path := "/api/ci/pipelines/" + id + "/webhook"
	ctx, stop := context.WithCancel(t.Context())
	killed := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil && n < 5 {
			for _, pid := range childrenOf(s.command.Process.Pid, "patchbay-connector-github") {
				if syscall.Kill(pid, syscall.SIGKILL) == nil {
					n++
				}
			}
			time.Sleep(40 * time.Millisecond) // between kills, so that some are in mid-parse
		}
		killed <- n
	}()
	taken := 0
	for n := range 30 {
		_, status, err := s.deliver(path, strconv.Itoa(n), pushOf("main", 3<<20))
		switch {
		case err != nil || status != http.StatusAccepted && status != http.StatusServiceUnavailable:
			t.Errorf("%v, %d", err, status)
		case status == http.StatusAccepted:
			taken++
		}
	}
	stop()
	if n := <-killed; n == 0 || taken == 0 {
		t.Errorf("killed %d times, %d deliveries taken", n, taken)
	}
	if n := s.triggered(id); n != taken {
		t.Errorf("%d executions of %d deliveries", n, taken)
	}
}

// childrenOf lists the processes of a name that a process has started.
func childrenOf(parent int, name string) []int {
	var pids []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(data)) {
			command, _ := os.ReadFile("/proc/" + field + "/cmdline")
			if pid, err := strconv.Atoi(field); err == nil && strings.Contains(string(command), name) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
