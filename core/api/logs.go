package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no stream %.64q", f.stream),
			Suggestions: []string{"use stdout, stderr or system"}}
	}
}

// wants is never true for a change of status: that is not what a step has said.
func (f logFilter) wants(names stepNames, r core.LogRecord) bool {
	return r.Stream != core.StreamStatus && (f.stream == "" || f.stream == r.Stream.String()) && f.wantsStep(names, r.Step)
}

// wantsStep takes the name of a stage for all combinations of its matrix.
func (f logFilter) wantsStep(names stepNames, index int) bool {
	name := names.of(index)
	return (f.stage == "" || f.stage == name.stage || f.stage == name.family) && (f.step == "" || f.step == name.step)
}

// GetLogs serves GET /ci/executions/{id}/logs.
func (h *handlers) GetLogs(w http.ResponseWriter, r *http.Request, id Id, params GetLogsParams) {
	filter := logFilter{value(params.Stage), value(params.Step), string(value(params.Stream))}
	s, e, err := h.newStreamer(r.Context(), id, filter)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := newFollower(w)
	s.text = out.write
	if !value(params.Follow) {
		err := h.Logs.Read(r.Context(), id, 0, s.record)
		if errors.Is(err, errEnded) {
			err = nil
		}
		h.endStream(r, out, err)
		return
	}
	h.endStream(r, out, h.serveFollower(r, s, e, out))
}

// serveFollower runs a stream. What is written is flushed when there is a pause, not
// record by record.
func (h *handlers) serveFollower(r *http.Request, s *streamer, e *core.Execution, out *follower) error {
	ctx, cancel := untilStopping(r.Context())
	defer cancel()
	stop := out.flushInPauses()
	defer stop()
	return s.run(ctx, e)
}

// GetEvents serves GET /ci/executions/{id}/events.
func (h *handlers) GetEvents(w http.ResponseWriter, r *http.Request, id Id, params GetEventsParams) {
	filter := logFilter{value(params.Stage), value(params.Step), string(value(params.Stream))}
	s, e, err := h.newStreamer(r.Context(), id, filter, value(params.LastEventID), value(params.LastEventId))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := newFollower(w)
	s.to = serverSent{out}
	h.endStream(r, out, h.serveFollower(r, s, e, out))
}

// serverSent carries events as the HTML standard has it (9.2).
type serverSent struct{ out *follower }

func (serverSent) begin(b []byte, id core.Cursor, name string) []byte {
	b = append(append(b, "event: "...), name...)
	if id > 0 {
		b = strconv.AppendInt(append(b, "\nid: "...), int64(id), 10)
	}
	return append(b, "\ndata: "...)
}

func (serverSent) finish(b []byte) []byte { return append(b, "\n\n"...) }

func (s serverSent) send(frame []byte, _ core.Cursor) error { return s.out.write(frame) }

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
	if !errors.Is(err, errSlow) && !errors.Is(err, errStopping) && !errors.Is(err, context.Canceled) {
		h.log(r.Context()).Error("a log could not be sent", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}
