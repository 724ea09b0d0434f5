package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startRounds   = 7
	latencyRounds = 51
	manyRuns      = 1500
	clients       = 32
	token         = "measured"
)

// live is a running server.
type live struct {
	command *exec.Cmd
	url     string
	started time.Duration // until it answered
	http    *http.Client
}

func startLive(ctx context.Context, bin, data string) (*live, error) {
	l := &live{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}}
	l.command = exec.CommandContext(ctx, filepath.Join(bin, "patchbay"), "server", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error")
	l.command.Env = append(os.Environ(), "PATCHBAY_ADMIN_TOKEN="+token)
	l.command.Stderr = os.Stderr
	stdout, err := l.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := l.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server said nothing: %w", err)
	}
	l.url = strings.TrimSpace(line[strings.Index(line, "http://"):])
	if _, err := l.call(ctx, http.MethodGet, "/api/healthchecker", nil); err != nil {
		return nil, err
	}
	l.started = time.Since(began)
	return l, nil
}

func (l *live) stop() {
	_ = l.command.Process.Signal(syscall.SIGTERM)
	_ = l.command.Wait()
}

// call makes a request and returns the body of a good answer.
func (l *live) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, l.url+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := l.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, err
}

// create makes a pipeline and returns its ID.
func (l *live) create(ctx context.Context, yaml string) (string, error) {
	answer, err := l.call(ctx, http.MethodPost, "/api/ci/pipelines", map[string]string{"yaml_content": yaml})
	if err != nil {
		return "", err
	}
	var pipeline struct {
		ID string `json:"id"`
	}
	return pipeline.ID, json.Unmarshal(answer, &pipeline)
}

func (l *live) trigger(ctx context.Context, pipeline string) (string, error) {
	answer, err := l.call(ctx, http.MethodPost, "/api/ci/pipelines/"+pipeline+"/trigger", map[string]string{"trigger_type": "manual"})
	if err != nil {
		return "", err
	}
	var accepted struct {
		ExecutionID string `json:"execution_id"`
	}
	return accepted.ExecutionID, json.Unmarshal(answer, &accepted)
}

// measureServer times starts, the way from a trigger to the first line, and many
// executions at once.
func measureServer(ctx context.Context, bin string) ([]row, error) {
	data, err := os.MkdirTemp("", "measure-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(data)
	var starts []time.Duration
	for range startRounds {
		l, err := startLive(ctx, bin, data)
		if err != nil {
			return nil, err
		}
		starts = append(starts, l.started)
		l.stop()
	}
	l, err := startLive(ctx, bin, data)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	idle, err := residentMemory(l.command.Process.Pid)
	if err != nil {
		return nil, err
	}
	latency, err := l.firstLine(ctx)
	if err != nil {
		return nil, err
	}
	rate, err := l.throughput(ctx)
	if err != nil {
		return nil, err
	}
	return []row{
		{"server start to the first answer", millis(median(starts)), ""},
		{"server's resident memory, idle", fmt.Sprintf("%.0f MB", float64(idle)/1e6), ""},
		{"trigger sent to first line at an SSE client", millis(latency), ""},
		{"one-step executions, triggered to finished", fmt.Sprintf("%.0f /s", rate), fmt.Sprintf("%d of them by %d clients", manyRuns, clients)},
	}, nil
}

// firstLine is the median time from sending a trigger to the first line of output
// at a client of /events.
func (l *live) firstLine(ctx context.Context) (time.Duration, error) {
	pipeline, err := l.create(ctx, "name: line\nstages: [{name: s, steps: [{name: n, run: echo line}]}]\n")
	if err != nil {
		return 0, err
	}
	var times []time.Duration
	for range latencyRounds {
		began := time.Now()
		execution, err := l.trigger(ctx, pipeline)
		if err != nil {
			return 0, err
		}
		at, err := l.readEvents(ctx, execution)
		if err != nil {
			return 0, err
		}
		times = append(times, at.Sub(began))
	}
	return median(times), nil
}

// readEvents follows an execution to its end and says when the first line came.
func (l *live) readEvents(ctx context.Context, execution string) (first time.Time, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/api/ci/executions/"+execution+"/events", nil)
	if err != nil {
		return first, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := l.http.Do(request)
	if err != nil {
		return first, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if first.IsZero() && strings.HasPrefix(lines.Text(), "data:") && strings.Contains(lines.Text(), "stdout") {
			first = time.Now()
		}
		if strings.HasPrefix(lines.Text(), "event: end") {
			return first, nil
		}
	}
	return first, fmt.Errorf("the events of %s ended early: %w", execution, lines.Err())
}

// throughput is how many one-step executions a second are triggered and finished.
func (l *live) throughput(ctx context.Context) (float64, error) {
	pipeline, err := l.create(ctx, noopPipeline(1))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	work := make(chan struct{}, manyRuns)
	for range manyRuns {
		work <- struct{}{}
	}
	close(work)
	var group sync.WaitGroup
	failures := make(chan error, clients)
	for range clients {
		group.Go(func() {
			for range work {
				if _, err := l.trigger(ctx, pipeline); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return 0, err
	default:
	}
	for _, status := range []string{"pending", "running"} {
		for {
			answer, err := l.call(ctx, http.MethodGet, "/api/ci/executions?limit=1&status="+status, nil)
			if err != nil {
				return 0, err
			}
			if strings.TrimSpace(string(answer)) == "[]" {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return manyRuns / time.Since(began).Seconds(), nil
}
