package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/patchbay-ci/patchbay/core"
)

// Who may open a WebSocket, and who is told why not.
func TestWebSocketIsGuarded(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(h *handlers) { h.Origins = []string{"https://ci.example.com"} })
	id := b.trigger(b.create())
	b.newScene(id).play(id)
	good := http.Header{"Authorization": {"Bearer " + token}}
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	for name, test := range map[string]struct {
		path      string
		header    http.Header
		protocols []string
		status    int
		chosen    string
	}{
		"a header":               {id + "/stream", good, nil, 101, ""},
		"a browser":              {id + "/stream", nil, []string{"bearer", token}, 101, "bearer"},
		"its own page":           {id + "/stream", with("Origin", b.server.URL), nil, 101, ""},
		"a page that may":        {id + "/stream", with("Origin", "https://ci.example.com"), nil, 101, ""},
		"a page of others":       {id + "/stream", with("Origin", "https://evil.example.com"), nil, 403, ""},
		"a page of nobody":       {id + "/stream", with("Origin", "null"), nil, 403, ""},
		"no token":               {id + "/stream", nil, nil, 401, ""},
		"a wrong token":          {id + "/stream", nil, []string{"bearer", "x"}, 401, ""},
		"no token behind bearer": {id + "/stream", nil, []string{token, "bearer"}, 401, ""},
		"no execution":           {"none/stream", good, nil, 404, ""},
		"no cursor":              {id + "/stream?cursor=x", good, nil, 400, ""},
		"a cursor of another":    {id + "/stream?cursor=99999999", good, nil, 400, ""},
		"no such stream":         {id + "/stream?stream=x", good, nil, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, response, err := websocket.Dial(t.Context(), b.server.URL+"/api/ci/executions/"+test.path, &websocket.DialOptions{HTTPHeader: test.header, Subprotocols: test.protocols})
			if response == nil || response.StatusCode != test.status {
				t.Fatalf("%v: %+v", err, response)
			}
			if err != nil {
				var said Error
				if json.NewDecoder(response.Body).Decode(&said) != nil || said.Status != test.status {
					t.Errorf("%+v", said)
				}
				return
			}
			if conn.Subprotocol() != test.chosen {
				t.Errorf("the protocol is %q", conn.Subprotocol())
			}
			_ = conn.CloseNow()
		})
	}
	if a := b.do("GET", "/api/ci/executions/"+id+"/stream", "", ""); a.status != http.StatusUpgradeRequired || !strings.Contains(a.body, "/events") {
		t.Errorf("%+v", a)
	}
}

// A client that does not read is sent away with a reason, and goes on where it was: the
// server keeps nothing for it, and it misses and repeats nothing.
func TestSlowClientIsSentAway(t *testing.T) {
	t.Parallel()
	const lines, slow = 500, 50 * time.Millisecond
	b := newBench(t, func(h *handlers) { h.patience.slow = slow })
	id := b.trigger(b.create())
	s := b.newScene(id)
	for i := range lines {
		s.say(0, fmt.Sprintf("%d %s\n", i, strings.Repeat("x", 60<<10)))
	}
	s.end(id, true)
	cursor, seen, sentAway, ended := "", 0, 0, false
	for try := 0; !ended && try < 100; try++ {
		conn := b.dial(t.Context(), id, "cursor="+cursor)
		if try == 0 {
			<-time.After(4 * slow) // what is tested is that time passes
		}
		for {
			_, data, err := conn.Read(t.Context())
			var closed websocket.CloseError
			if errors.As(err, &closed) && closed.Code == websocket.StatusTryAgainLater {
				if want := "too slow; go on with cursor=" + cursor; closed.Reason != want {
					t.Errorf("closed with %q, want %q", closed.Reason, want)
				}
				sentAway++
			} else if err != nil && !ended {
				t.Fatal(err)
			}
			if err != nil {
				break
			}
			var message StreamMessage
			if err := json.Unmarshal(data, &message); err != nil {
				t.Fatal(err)
			}
			if message.Event == "log" {
				if !strings.Contains(string(message.Data), fmt.Sprintf(`"text":"%d xxx`, seen)) {
					t.Fatalf("line %d is %.200s", seen, message.Data)
				}
				seen++
			}
			ended = ended || message.Event == "end"
			if message.Id != nil {
				cursor = *message.Id
			}
		}
		_ = conn.CloseNow()
	}
	if seen != lines || sentAway == 0 || !ended {
		t.Errorf("%d lines, sent away %d times, ended %v", seen, sentAway, ended)
	}
}

// A client that does not answer a ping is gone, also when there is nothing to send.
func TestSilentClientIsSentAway(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	b := newBench(t, func(h *handlers) { h.patience.quiet, h.patience.slow = 5*time.Millisecond, 20*time.Millisecond })
	inner := b.server.Config.Handler
	b.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		if strings.HasSuffix(r.URL.Path, "/stream") {
			close(ended)
		}
	})
	id := b.trigger(b.create())
	conn := b.dial(t.Context(), id, "") // pings are answered by who reads
	defer func() { _ = conn.CloseNow() }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the server still waits")
	}
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("%v", err)
	}
}

// When the server stops, followers are told to come back, at once.
func TestStoppingServerSendsFollowersAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	server := httptest.NewUnstartedServer(b.server.Config.Handler)
	server.Config = NewServer("", b.server.Config.Handler, false)
	server.Start()
	defer server.Close()
	b.server = server
	s := b.newScene(id)
	defer s.w.Close()
	s.say(0, "first\n")
	conn := b.dial(t.Context(), id, "")
	defer func() { _ = conn.CloseNow() }()
	_, data, err := conn.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var first StreamMessage
	if err := json.Unmarshal(data, &first); err != nil {
		t.Fatal(err)
	}
	next, leave := overSSE(b, t.Context(), id, "", "")
	defer leave()
	if e, more := next(); !more || e.id != *first.Id {
		t.Errorf("%+v", e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("followers keep the server: %v", err)
	}
	if e, more := next(); more {
		t.Errorf("%+v", e)
	}
	_, _, err = conn.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != websocket.StatusGoingAway || !strings.HasSuffix(closed.Reason, "cursor="+*first.Id) {
		t.Errorf("%v", err)
	}
	if e, err := b.store.Execution(ctx, id); err != nil || e.Status != core.StatusPending {
		t.Errorf("%+v, %v", e, err)
	}
}
