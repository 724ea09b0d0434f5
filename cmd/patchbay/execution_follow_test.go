package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clientApp is the program with its environment set for the server at url.
func clientApp(url string) (a *app, stdout, stderr *bytes.Buffer) {
	a = testApp(map[string]string{"PATCHBAY_URL": url, "PATCHBAY_TOKEN": "t"})
	return a, a.stdout.(*bytes.Buffer), a.stderr.(*bytes.Buffer)
}

// breakingLog serves a log of some lines and breaks the connection off after each,
// in the middle of the next event, until the last one and the end.
func breakingLog(lines int, status string, connections *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		last := r.URL.Query().Get("last_event_id")
		seen, _ := strconv.Atoi(last)
		if seen < lines {
			fmt.Fprintf(w, ": still here\n\nevent: log\nid: %d\ndata: {\"step\":\"n\",\"stream\":\"stdout\",\"text\":\"line %d\\n\"}\n\n", seen+1, seen+1)
			fmt.Fprintf(w, "event: log\nid: %d\ndata: {\"step\":\"n\"", seen+2)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "event: end\ndata: {\"status\":%q}\n\n", status)
	}
}

// However often the connection breaks, each line is shown once, in order.
func TestFollowResumes(t *testing.T) {
	t.Parallel()
	for status, code := range map[string]int{"success": 0, "failed": 1} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int32
			server := httptest.NewServer(breakingLog(20, status, &connections))
			defer server.Close()
			a, stdout, stderr := clientApp(server.URL)
			if got := a.main(t.Context(), []string{"execution", "logs", "-f", "x"}); got != code {
				t.Errorf("exit code %d, want %d: %s", got, code, stderr)
			}
			want := ""
			for i := range 20 {
				want += fmt.Sprintf("n | line %d\n", i+1)
			}
			if stdout.String() != want {
				t.Errorf("shown:\n%s", stdout)
			}
			if n := connections.Load(); n != 21 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// brokenScreen takes nothing: a full disk, a closed terminal.
type brokenScreen struct{}

func (brokenScreen) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// What cannot be shown is not asked for again and again.
func TestFollowEndsWhenNothingCanBeShown(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewServer(breakingLog(3, "success", &connections))
	defer server.Close()
	a, _, stderr := clientApp(server.URL)
	a.stdout = brokenScreen{}
	code := a.main(t.Context(), []string{"execution", "logs", "-f", "x"})
	if code != exitFailed || !strings.Contains(stderr.String(), "no space left") || connections.Load() != 1 {
		t.Errorf("exit code %d after %d connections: %s", code, connections.Load(), stderr)
	}
}

// A proxy whose server restarts is asked again; an error about the request is not.
func TestFollowOverARestart(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]int{http.StatusBadGateway: 0, http.StatusServiceUnavailable: 0, http.StatusUnauthorized: 1} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				switch connections.Add(1) {
				case 1: // a stream that breaks off before the first event
				case 2:
					w.WriteHeader(status)
				default:
					fmt.Fprint(w, "event: end\ndata: {\"status\":\"success\"}\n\n")
				}
			}))
			defer server.Close()
			a, _, stderr := clientApp(server.URL)
			if got := a.main(t.Context(), []string{"execution", "logs", "-f", "x"}); got != code {
				t.Errorf("exit code %d: %s", got, stderr)
			}
		})
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	var tries retry
	now, last := time.Unix(1000, 0), time.Duration(0)
	for n := 0; ; n++ {
		pause, more := tries.next(now)
		if !more {
			break
		}
		if n == 0 && pause != minReconnect || pause < last || pause > maxReconnect || n > 1000 {
			t.Fatalf("pause %d is %s after %s", n, pause, last)
		}
		now, last = now.Add(pause), pause
	}
	if away := now.Sub(time.Unix(1000, 0)); away < giveUp || away > giveUp+maxReconnect || last != maxReconnect {
		t.Errorf("given up after %s", away)
	}
}
