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
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	manyDeliveries = 10_000
	webhookSecret  = "measured secret"
	// deliverySize is about that of a push of a few commits, with all that GitHub says.
	deliverySize = 8 << 10
)

// measureWebhook times signed deliveries from GitHub, each of its own, from the request to
// the answer: verified by the connector and on the disk. Some start nothing, some an
// execution each, which is created before the answer and runs meanwhile.
func measureWebhook(ctx context.Context, bin string) ([]row, error) {
	data, err := os.MkdirTemp("", "measure-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(data)
	l, err := startLive(ctx, bin, data)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	if _, err := l.call(ctx, http.MethodPut, "/api/secrets/WEBHOOK_SECRET", map[string]string{"value": webhookSecret}); err != nil {
		return nil, err
	}
	pipeline, err := l.create(ctx, "triggers: [{trigger_type: git_push, config: {branch_patterns: [main]}}]\n"+noopPipeline(1))
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, c := range []struct {
		what, branch, status string
		many                 int
	}{
		{"deliveries verified, stored and answered", "other", "ignored", manyDeliveries},
		{"deliveries that start an execution each, answered", "main", "triggered", manyRuns},
	} {
		rate, err := l.deliver(ctx, pipeline, c.branch, c.status, c.many)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{c.what, fmt.Sprintf("%.0f /s", rate), fmt.Sprintf("%d of %d KiB by %d clients", c.many, deliverySize>>10, clients)})
	}
	return rows, nil
}

// deliver sends many pushes to a branch and returns how many were answered a second.
func (l *live) deliver(ctx context.Context, pipeline, branch, status string, many int) (float64, error) {
	template := fmt.Sprintf(`{"ref":"refs/heads/%s","before":"%040d","after":"%040d","repository":{"full_name":"acme/site"},"commits":[{"id":"%040d","message":"m","modified":["a"]}],"padding":"%s","n":`,
		branch, 1, 2, 2, strings.Repeat("x", deliverySize))
	var next atomic.Int64
	failures := make(chan error, clients)
	var group sync.WaitGroup
	began := time.Now()
	for range clients {
		group.Go(func() {
			for n := next.Add(1); n <= int64(many); n = next.Add(1) {
				id := fmt.Sprintf("%s-%d", branch, n)
				if err := l.deliverOne(ctx, pipeline, id, status, fmt.Appendf(nil, "%s%d}", template, n)); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	select {
	case err := <-failures:
		return 0, err
	default:
		return float64(many) / took.Seconds(), nil
	}
}

func (l *live) deliverOne(ctx context.Context, pipeline, id, status string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/api/ci/pipelines/"+pipeline+"/webhook", bytes.NewReader(body))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", id)
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	response, err := l.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var accepted struct {
		Status string `json:"status"`
	}
	if response.StatusCode != http.StatusAccepted || json.Unmarshal(answer, &accepted) != nil || accepted.Status != status {
		return fmt.Errorf("delivery %s: %s: %s", id, response.Status, answer)
	}
	return nil
}
