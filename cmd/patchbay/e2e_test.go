package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests in the e2e files run the real binaries, built by scripts/test or, when
// PATCHBAY_TEST_BIN is not set, here.

const eventually = 60 * time.Second

var buildOnce = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("PATCHBAY_TEST_BIN"); dir != "" {
		return filepath.Abs(dir)
	}
	build := exec.Command("../../scripts/build")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("scripts/build: %w\n%s", err, output)
	}
	return filepath.Abs("../../bin")
})

// binary returns the path of the built patchbay.
func binary(t *testing.T) string {
	t.Helper()
	dir, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "patchbay")
}

// environment is that of a user who has configured nothing, with a home of the
// test's own.
func environment(t *testing.T, extra ...string) []string {
	t.Helper()
	var list []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "PATCHBAY_") && !strings.HasPrefix(pair, "PORT=") {
			list = append(list, pair)
		}
	}
	return append(list, extra...)
}

// outcome is what a finished command left.
type outcome struct {
	code           int
	stdout, stderr string
}

// patchbay runs a command to its end.
func patchbay(t *testing.T, args ...string) outcome {
	t.Helper()
	return patchbayWith(t, nil, args...)
}

func patchbayWith(t *testing.T, extra []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary(t), args...)
	command.Env = environment(t, extra...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// write makes a file in a folder of the test's own.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// liveServer is a running `patchbay server`.
type liveServer struct {
	t       *testing.T
	command *exec.Cmd
	url     string
	token   string
	exited  chan struct{}
	stderr  *lockedBuffer
}

// adminToken is given to every server of the tests.
const adminToken = "test-administrator-token"

// startServer starts a server on a free port and waits until it serves.
func startServer(t *testing.T, data string, extra ...string) *liveServer {
	t.Helper()
	s := &liveServer{t: t, token: adminToken, exited: make(chan struct{}), stderr: &lockedBuffer{}}
	s.command = exec.Command(binary(t), "server", "--listen", "127.0.0.1:0", "--data", data)
	s.command.Env = environment(t, append([]string{"PATCHBAY_ADMIN_TOKEN=" + adminToken}, extra...)...)
	s.command.Stderr = s.stderr
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the server said nothing: %v\n%s", err, s.stderr.String())
	}
	s.url = first[strings.Index(first, "http"):]
	s.url = strings.TrimSpace(s.url)
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		_ = s.command.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() { s.signal(syscall.SIGKILL) })
	return s
}

// signal sends a signal and waits for the end of the process.
func (s *liveServer) signal(sig syscall.Signal) {
	s.t.Helper()
	_ = s.command.Process.Signal(sig)
	select {
	case <-s.exited:
	case <-time.After(eventually):
		s.t.Errorf("the server did not end by %s\n%s", sig, s.stderr.String())
	}
}

// client runs a client command against the server.
func (s *liveServer) client(args ...string) outcome {
	s.t.Helper()
	return patchbayWith(s.t, []string{"PATCHBAY_URL=" + s.url, "PATCHBAY_TOKEN=" + s.token}, args...)
}

// get asks the API and decodes the answer.
func (s *liveServer) get(path string, into any) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if text, ok := into.(*string); ok {
		*text = string(body)
	} else if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
	return response.StatusCode
}

// executionView is the part of the API's execution that the tests look at.
type executionView struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Stages []struct {
		Name   string `json:"name"`
		Status string `json:"status"`
		Steps  []struct {
			Name     string            `json:"name"`
			Status   string            `json:"status"`
			ExitCode *int              `json:"exit_code"`
			Stdout   string            `json:"stdout"`
			Metadata map[string]string `json:"metadata"`
		} `json:"steps"`
	} `json:"stages"`
}

// create makes a pipeline of a file and returns its ID.
func (s *liveServer) create(file string) string {
	s.t.Helper()
	var pipeline struct {
		ID string `json:"id"`
	}
	s.decode(s.client("pipeline", "create", file, "-o", "json"), &pipeline)
	return pipeline.ID
}

// trigger starts an execution and returns its ID.
func (s *liveServer) trigger(pipeline string, args ...string) string {
	s.t.Helper()
	var answer struct {
		ExecutionID string `json:"execution_id"`
	}
	s.decode(s.client(append([]string{"pipeline", "trigger", pipeline, "-o", "json"}, args...)...), &answer)
	return answer.ExecutionID
}

func (s *liveServer) decode(o outcome, into any) {
	s.t.Helper()
	if o.code != 0 {
		s.t.Fatalf("exit code %d: %s", o.code, o.stderr)
	}
	if err := json.Unmarshal([]byte(o.stdout), into); err != nil {
		s.t.Fatalf("%v in %s", err, o.stdout)
	}
}

// finished follows an execution's log to its end and returns the execution.
func (s *liveServer) finished(id string) executionView {
	s.t.Helper()
	if o := s.client("execution", "logs", "-f", id); o.code != 0 && o.code != 1 {
		s.t.Fatalf("logs -f: exit code %d: %s", o.code, o.stderr)
	}
	var e executionView
	s.get("/api/ci/executions/"+id, &e)
	return e
}

// lockedBuffer is a buffer for a process's output.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	wrote  news
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	defer b.wrote.came()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// needDocker skips a test when scripts/test has not brought up a Docker Engine, which
// in CI it always has.
func needDocker(t *testing.T) {
	t.Helper()
	if os.Getenv("PATCHBAY_TEST_DOCKER") != "" {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Docker Engine, and in CI nothing is skipped")
	}
	t.Skip("no Docker Engine; scripts/test brings one up")
}
