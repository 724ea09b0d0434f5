package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// told is an event as a client gets it.
type told struct{ id, name, data string }

// connection opens a stream behind a cursor; next returns events until the last, and
// false then.
type connection func(b *bench, ctx context.Context, id, query, cursor string) (next func() (told, bool), leave func())

var connections = map[string]connection{"SSE": overSSE, "WebSocket": overWebSocket}

func overSSE(b *bench, ctx context.Context, id, query, cursor string) (func() (told, bool), func()) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.URL+"/api/ci/executions/"+id+"/events?"+query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Last-Event-ID", cursor)
	response, err := b.server.Client().Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		b.t.Errorf("%v: %+v", err, response)
		return func() (told, bool) { return told{}, false }, func() {}
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	return func() (told, bool) {
		var e told
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case field == "event":
				e.name = value
			case field == "id":
				e.id = value
			case field == "data":
				e.data = value
			case field == "" && e.name != "":
				return e, true
			}
		}
		return told{}, false
	}, func() { response.Body.Close() }
}

func overWebSocket(b *bench, ctx context.Context, id, query, cursor string) (func() (told, bool), func()) {
	conn := b.dial(ctx, id, query+"&cursor="+cursor)
	return func() (told, bool) {
		_, data, err := conn.Read(ctx)
		if err != nil {
			if code := websocket.CloseStatus(err); code != websocket.StatusNormalClosure && ctx.Err() == nil {
				b.t.Errorf("closed with %d: %v", code, err)
			}
			return told{}, false
		}
		var message StreamMessage
		if err := json.Unmarshal(data, &message); err != nil {
			b.t.Error(err)
		}
		return told{value(message.Id), message.Event, string(message.Data)}, true
	}, func() { _ = conn.CloseNow() }
}

// overText has the end of the text as its only event.
func overText(b *bench, ctx context.Context, id, _, _ string) (func() (told, bool), func()) {
	a, ended := b.do("GET", "/api/ci/executions/"+id+"/logs?follow=true", "", ""), false
	return func() (told, bool) {
		first := !ended && a.status == http.StatusOK && ctx.Err() == nil
		ended = true
		return told{name: "end"}, first
	}, func() {}
}

// dial opens the WebSocket of an execution.
func (b *bench) dial(ctx context.Context, id, query string) *websocket.Conn {
	b.t.Helper()
	conn, _, err := websocket.Dial(ctx, b.server.URL+"/api/ci/executions/"+id+"/stream?"+query,
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	return conn
}

// read reads at most limit events.
func (b *bench) read(over connection, id, query, cursor string, limit int) (events []told) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	next, leave := over(b, ctx, id, query, cursor)
	defer leave()
	for len(events) < limit {
		e, more := next()
		if !more {
			return events
		}
		events = append(events, e)
	}
	return events
}

// scene writes a log as the engine does: what became of the steps and what they said,
// in one order, and the execution's end.
type scene struct {
	b      *bench
	w      core.LogWriter
	offset [2]int64
}

func (b *bench) newScene(id string) *scene {
	b.t.Helper()
	w, err := b.logs.OpenLog(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return &scene{b: b, w: w}
}

func (s *scene) status(step int, version int64, status core.Status) {
	data, err := json.Marshal(core.StatusEvent{Step: step, Stage: "s", Name: "n", Status: status, Version: version, Time: time.Unix(0, 0).UTC()})
	if err == nil {
		err = s.w.Append(core.LogRecord{Time: time.Unix(0, 0), Step: step, Stream: core.StreamStatus, Data: data})
	}
	if err != nil {
		s.b.t.Error(err)
	}
}

func (s *scene) say(step int, text string) {
	err := s.w.Append(core.LogRecord{Time: time.Unix(0, 0), Step: step, Attempt: 1, Stream: core.StreamStdout, Offset: s.offset[step], Data: []byte(text)})
	if err != nil {
		s.b.t.Error(err)
	}
	s.offset[step] += int64(len(text))
}

// end stores the end, tells it and, if it is to, seals the log.
func (s *scene) end(id string, seal bool) {
	ctx := context.Background()
	e, err := s.b.store.Execution(ctx, id)
	if err == nil {
		e.Status = core.StatusFailed
		err = s.b.store.UpdateExecution(ctx, e)
	}
	if err == nil {
		s.status(-1, 9, core.StatusFailed)
		if seal {
			err = s.w.Seal()
		}
	}
	if err != nil {
		s.b.t.Error(err)
	}
	s.w.Close()
}

// play is a whole scene.
func (s *scene) play(id string) {
	s.status(-1, 2, core.StatusRunning)
	s.status(0, 1, core.StatusRunning)
	s.say(0, "one\ntwo\n")
	s.status(1, 1, core.StatusRunning)
	s.say(1, "three <&> \xff\n")
	s.say(0, "four\n")
	s.status(0, 2, core.StatusSuccess)
	s.status(1, 2, core.StatusFailed)
	s.end(id, true)
}

// A client that leaves after any event and comes back misses and repeats nothing, over
// both transports; and both say the same.
func TestStreamsResumeAnywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	go b.newScene(id).play(id)
	var heard [][]told
	for _, name := range []string{"SSE", "WebSocket"} {
		over := connections[name]
		whole := b.read(over, id, "", "", 100) // it waits for the execution to begin
		heard = append(heard, whole)
		for n := range len(whole) - 1 {
			first := b.read(over, id, "", "", n+1)
			rest := b.read(over, id, "", first[n].id, 100)
			if diff := cmp.Diff(whole, append(first, rest...), cmp.AllowUnexported(told{})); diff != "" {
				t.Errorf("%s, left after %d: %s", name, n+1, diff)
			}
		}
	}
	if diff := cmp.Diff(heard[0], heard[1], cmp.AllowUnexported(told{})); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, e := range heard[0] {
		got = append(got, e.name+" "+strings.ReplaceAll(e.data, `"1970-01-01T00:00:00Z"`, "T"))
	}
	want := []string{
		`status {"step":-1,"stage":"s","name":"n","status":"running","version":2,"time":T}`,
		`status {"step":0,"stage":"s","name":"n","status":"running","version":1,"time":T}`,
		`log {"attempt":1,"offset":0,"stage":"s","step":"n","stream":"stdout","text":"one\ntwo\n","timestamp":T}`,
		`status {"step":1,"stage":"s","name":"n","status":"running","version":1,"time":T}`,
		`log {"attempt":1,"offset":0,"stage":"s","step":"m","stream":"stdout","text":"three <&> ` + "\uFFFD" + `\n","timestamp":T}`,
		`log {"attempt":1,"offset":8,"stage":"s","step":"n","stream":"stdout","text":"four\n","timestamp":T}`,
		`status {"step":0,"stage":"s","name":"n","status":"success","version":2,"time":T}`,
		`status {"step":1,"stage":"s","name":"n","status":"failed","version":2,"time":T}`,
		`status {"step":-1,"stage":"s","name":"n","status":"failed","version":9,"time":T}`,
		`end {"status":"failed"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a := b.do("GET", "/api/ci/executions/"+id+"/logs", "", ""); a.body != "one\ntwo\nthree <&> \xff\nfour\n" {
		t.Errorf("the text has more than what was said: %q", a.body)
	}
	if e := decoded[Execution](t, b.do("GET", "/api/ci/executions/"+id, "", "")); len(*e.Logs) != 4 {
		t.Errorf("%+v", *e.Logs)
	}
}

// A client who wants one step gets its output and its status, and that of the execution.
func TestStreamsAreNarrowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	b.newScene(id).play(id)
	for query, want := range map[string]string{
		"step=m":               "[status -1 status 1 log m status 1 status -1 end]",
		"stage=s&step=n":       "[status -1 status 0 log n log n status 0 status -1 end]",
		"stage=other":          "[status -1 status -1 end]",
		"stream=stderr":        "[status -1 status 0 status 1 status 0 status 1 status -1 end]",
		"stream=stdout&step=m": "[status -1 status 1 log m status 1 status -1 end]",
	} {
		for name, over := range connections {
			var got []string
			for _, e := range b.read(over, id, query, "", 100) {
				var data struct{ Step any }
				if err := json.Unmarshal([]byte(e.data), &data); err != nil {
					t.Error(err)
				}
				got = append(got, strings.TrimSuffix(fmt.Sprintf("%s %v", e.name, data.Step), " <nil>"))
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s with %s: %v, want %s", name, query, got, want)
			}
		}
	}
}

// The name of a stage with a matrix stands for all its combinations.
func TestStreamOfAMatrix(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.execute(matrix, nil)
	for i, text := range []string{"", "linux\n", "mac\n"} {
		b.say(e.ID, i, core.StreamStdout, 0, text)
	}
	for query, want := range map[string]string{"stage=build": "linux\nmac\n", "stage=build+(mac)": "mac\n", "stage=buil": ""} {
		if a := b.do("GET", "/api/ci/executions/"+e.ID+"/logs?"+query, "", ""); a.body != want {
			t.Errorf("%s: %q", query, a.body)
		}
	}
}

// However an execution ends, its followers come to their end: without a log, with one
// that was never sealed, before they came or while they wait.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	finish := func(b *bench, id string) {
		e, err := b.store.Execution(context.Background(), id)
		if err == nil {
			e.Status = core.StatusCancelled
			err = b.store.UpdateExecution(context.Background(), e)
		}
		if err != nil {
			b.t.Error(err)
		}
	}
	for name, end := range map[string]func(b *bench, id string){
		"without a log": finish,
		"not sealed":    func(b *bench, id string) { b.newScene(id).end(id, false) },
		"sealed":        func(b *bench, id string) { b.newScene(id).end(id, true) },
		"without a word of its end": func(b *bench, id string) {
			b.say(id, 0, core.StreamStdout, 0, "killed\n")
			finish(b, id)
		},
	} {
		for kind, over := range map[string]connection{"SSE": overSSE, "WebSocket": overWebSocket, "text": overText} {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%v", name, kind, late), func(t *testing.T) {
					t.Parallel()
					b := newBench(t, func(h *handlers) {
						h.patience.quiet, h.patience.grace = 5*time.Millisecond, 5*time.Millisecond
					})
					id := b.trigger(b.create())
					if late {
						end(b, id)
					} else {
						time.AfterFunc(20*time.Millisecond, func() { end(b, id) })
					}
					events := b.read(over, id, "", "", 100)
					if len(events) == 0 || events[len(events)-1].name != "end" || slices.ContainsFunc(events[:len(events)-1], func(e told) bool { return e.name == "end" }) {
						t.Errorf("%+v", events)
					}
				})
			}
		}
	}
}
