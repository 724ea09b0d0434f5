package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// heartbeat keeps quiet connections alive through proxies.
const heartbeat = 15 * time.Second

// logFilter says which records of a log are wanted; empty fields do not matter.
type logFilter struct{ stage, step, stream string }

func (f logFilter) check() error {
	switch f.stream {
	case "", "stdout", "stderr", "system":
		return nil
	default:
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no stream %q", f.stream),
			Suggestions: []string{"use stdout, stderr or system"}}
	}
}

func (f logFilter) wants(names stepNames, r core.LogRecord) bool {
	stage, step := names.of(r.Step)
	return (f.stage == "" || f.stage == stage) && (f.step == "" || f.step == step) && (f.stream == "" || f.stream == r.Stream.String())
}

// GetLogs serves GET /ci/executions/{id}/logs.
func (h *handlers) GetLogs(w http.ResponseWriter, r *http.Request, id Id, params GetLogsParams) {
	e, names, err := h.named(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	filter := logFilter{value(params.Stage), value(params.Step), string(value(params.Stream))}
	if err := filter.check(); err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := newFollower(w)
	write := func(record core.LogRecord, _ core.Cursor) error {
		if !filter.wants(names, record) {
			return nil
		}
		return out.write(record.Data)
	}
	if value(params.Follow) && !e.Status.Terminal() {
		err = h.follow(r.Context(), id, 0, write, out)
	} else {
		err = h.Logs.Read(r.Context(), id, 0, write)
	}
	h.endStream(r, out, err)
}

// GetEvents serves GET /ci/executions/{id}/events.
func (h *handlers) GetEvents(w http.ResponseWriter, r *http.Request, id Id, params GetEventsParams) {
	e, names, err := h.named(r.Context(), id)
	var from core.Cursor
	filter := logFilter{value(params.Stage), value(params.Step), string(value(params.Stream))}
	if err == nil {
		from, err = parseCursor(value(params.LastEventID), value(params.LastEventId))
	}
	if err == nil {
		err = filter.check()
	}
	if err == nil {
		err = h.checkCursor(r.Context(), id, from)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := newFollower(w)
	write := func(record core.LogRecord, cursor core.Cursor) error {
		if !filter.wants(names, record) {
			return nil
		}
		return out.write(logEvent(names, record, cursor))
	}
	if e.Status.Terminal() {
		err = h.Logs.Read(r.Context(), id, from, write)
	} else {
		err = h.follow(r.Context(), id, from, write, out)
	}
	if err == nil {
		if e, err = h.Store.Execution(r.Context(), id); err == nil {
			err = out.write([]byte(fmt.Sprintf("event: end\ndata: {\"status\":%q}\n\n", e.Status)))
		}
	}
	h.endStream(r, out, err)
}

// named returns an execution and the names of its steps.
func (h *handlers) named(ctx context.Context, id string) (*core.Execution, stepNames, error) {
	e, err := h.Store.Execution(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	spec, err := h.spec(ctx, e, map[revisionKey]*core.Spec{})
	if err != nil {
		return nil, nil, err
	}
	var names stepNames
	for i := range spec.Stages {
		for j := range spec.Stages[i].Steps {
			names = append(names, [2]string{spec.Stages[i].Name, spec.Stages[i].Steps[j].Name})
		}
	}
	return e, names, nil
}

// parseCursor reads the cursor of the last event that a client has seen.
func parseCursor(header, query string) (core.Cursor, error) {
	text := header
	if text == "" {
		text = query
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%q is not the id of an event", text),
			Suggestions: []string{"send the id of the last event that was received, or none to begin"}}
	}
	return core.Cursor(n), nil
}

// errEnough ends a read that has shown what it should.
var errEnough = errors.New("enough")

// checkCursor refuses a cursor that is none of this log's, while there is still a
// status to say so with.
func (h *handlers) checkCursor(ctx context.Context, id string, from core.Cursor) error {
	if from == 0 {
		return nil
	}
	err := h.Logs.Read(ctx, id, from, func(core.LogRecord, core.Cursor) error { return errEnough })
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// logEvent is a record as a server-sent event (HTML standard, 9.2).
func logEvent(names stepNames, r core.LogRecord, cursor core.Cursor) []byte {
	stage, step := names.of(r.Step)
	data, err := json.Marshal(LogEvent{Timestamp: r.Time, Stage: stage, Step: step, Attempt: r.Attempt,
		Stream: LogEventStream(r.Stream.String()), Text: strings.ToValidUTF8(string(r.Data), "\uFFFD")})
	if err != nil { // texts and numbers always encode
		data = []byte("{}")
	}
	return fmt.Appendf(nil, "event: log\nid: %d\ndata: %s\n\n", cursor, data)
}

// follow passes records on as they come. What is written is flushed when there is a
// pause, not record by record.
func (h *handlers) follow(ctx context.Context, id string, from core.Cursor, write func(core.LogRecord, core.Cursor) error, out *follower) error {
	stop := out.flushInPauses()
	defer stop()
	return h.Logs.Follow(ctx, id, from, write)
}

// endStream says to the log why a stream ended early; to the client, too late for a
// status, a broken connection says it.
func (h *handlers) endStream(r *http.Request, out *follower, err error) {
	if err == nil {
		err = out.flush()
	}
	out.release()
	if err == nil || r.Context().Err() != nil {
		return
	}
	if !errors.Is(err, errSlow) {
		h.Logger.Error("a log could not be sent", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}
