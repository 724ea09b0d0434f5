package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// patience is how long a stream waits for what.
type patience struct {
	// slow is how long a client may take for one message before it is sent away; lost,
	// how long until it is broken off.
	slow, lost time.Duration
	// quiet is how long a stream may say nothing: then the client is asked whether it is
	// there, and the store whether the execution has ended.
	quiet time.Duration
	// grace is how long an ended execution may take to seal its log.
	grace time.Duration
	// work is how long a request may take whose answer comes at once.
	work time.Duration
}

var defaultPatience = patience{work: 45 * time.Second, slow: 15 * time.Second, lost: time.Minute, quiet: heartbeat, grace: 2 * time.Second}

// Why a stream ends that nothing is wrong with.
var (
	// errEnded says that the execution's last status was sent.
	errEnded = errors.New("the execution has ended")
	// errStopping says that the server stops.
	errStopping = errors.New("the server stops")
)

// transport carries events. A frame is an event's data, one line of JSON, between what
// begin and finish append: so that it is written once, in one buffer.
type transport interface {
	// begin appends what is before the data of an event; an id of 0 is none.
	begin(frame []byte, id core.Cursor, name string) []byte
	// finish appends what is behind it.
	finish(frame []byte) []byte
	// send hands a frame to the client, and does not keep it.
	send(frame []byte, id core.Cursor) error
}

// streamer sends the events of one execution.
type streamer struct {
	h      *handlers
	id     string
	names  stepNames
	filter logFilter
	to     transport
	text   func([]byte) error // in place of a transport: what was said, byte for byte
	from   core.Cursor        // behind the last record that was looked at
	seen   atomic.Int64
}

// send sends an event with the data that is appended by data.
func (s *streamer) send(id core.Cursor, name string, data func([]byte) []byte) error {
	buffer := s.h.frames.Get().(*[]byte)
	defer s.h.frames.Put(buffer)
	*buffer = s.to.finish(data(s.to.begin((*buffer)[:0], id, name)))
	return s.to.send(*buffer, id)
}

// run sends what the log has from the cursor on and what comes, until the execution has
// ended, and then the end. It waits for an execution that has not begun. The cursor of
// every event resumes behind it.
func (s *streamer) run(ctx context.Context, e *core.Execution) error {
	for !e.Status.Terminal() {
		err := s.follow(ctx)
		switch {
		case err == nil, errors.Is(err, errEnded):
			return s.end(ctx)
		case !errors.Is(err, errQuietEnd):
			return err
		}
		if e, err = s.h.Store.Execution(ctx, s.id); err != nil {
			return err
		}
	}
	err := s.h.Logs.Read(ctx, s.id, s.from, s.record)
	if err == nil {
		// All that is there; a seal, or the last status, is still to come if the end was
		// stored a moment ago.
		short, cancel := context.WithTimeoutCause(ctx, s.h.patience.grace, errQuietEnd)
		err = s.h.Logs.Follow(short, s.id, s.from, s.record)
		if context.Cause(short) == errQuietEnd && errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
		cancel()
	}
	if err != nil && !errors.Is(err, errEnded) {
		return err
	}
	return s.end(ctx)
}

// errQuietEnd says that an execution has ended without a word in its log: it was
// cancelled before it began, or its log cannot be written.
var errQuietEnd = errors.New("the execution has ended without a word")

// follow passes records on until the log is sealed. Now and then, when nothing comes,
// it asks the store whether anything will.
func (s *streamer) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ticker := time.NewTicker(s.h.patience.quiet)
	defer ticker.Stop()
	go func() {
		last := s.seen.Load()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if seen := s.seen.Load(); seen != last {
				last = seen
				continue
			}
			if e, err := s.h.Store.Execution(ctx, s.id); err == nil && e.Status.Terminal() {
				cancel(errQuietEnd)
				return
			}
		}
	}()
	err := s.h.Logs.Follow(ctx, s.id, s.from, s.record)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// record sends a record of the log, if it is wanted.
func (s *streamer) record(r core.LogRecord, cursor core.Cursor) error {
	s.seen.Add(1)
	if r.Stream == core.StreamStatus {
		return s.status(r, cursor)
	}
	if s.filter.wants(s.names, r) {
		if err := s.said(r, cursor); err != nil {
			return err
		}
	}
	s.from = cursor
	return nil
}

// said sends a piece of output.
func (s *streamer) said(r core.LogRecord, cursor core.Cursor) error {
	if s.text != nil {
		return s.text(r.Data)
	}
	return s.send(cursor, "log", func(b []byte) []byte { return appendLogEvent(b, r, s.names.of(r.Step)) })
}

// status sends a change of status. That of the execution itself is for everybody.
func (s *streamer) status(r core.LogRecord, cursor core.Cursor) error {
	var change core.StatusEvent
	if err := json.Unmarshal(r.Data, &change); err != nil {
		s.h.Logger.Warn("a change of status in the log cannot be read", "execution", s.id, "error", err)
		s.from = cursor
		return nil
	}
	if s.text == nil && (change.Step < 0 || s.filter.wantsStep(s.names, change.Step)) {
		data, err := json.Marshal(change)
		if err == nil {
			err = s.send(cursor, "status", func(b []byte) []byte { return append(b, data...) })
		}
		if err != nil {
			return err
		}
	}
	s.from = cursor
	if change.Step < 0 && change.Status.Terminal() {
		return errEnded
	}
	return nil
}

// end sends the last event.
func (s *streamer) end(ctx context.Context) error {
	if s.text != nil {
		return nil
	}
	e, err := s.h.Store.Execution(ctx, s.id)
	if err != nil {
		return err
	}
	return s.send(0, "end", func(b []byte) []byte { return fmt.Appendf(b, `{"status":%q}`, e.Status) })
}

// parseCursor reads the cursor of the last event that a client has seen.
func parseCursor(texts ...string) (core.Cursor, error) {
	for _, text := range texts {
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return 0, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%.64q is not the id of an event", text),
				Suggestions: []string{"send the id of the last event that was received, or none to begin"}}
		}
		return core.Cursor(n), nil
	}
	return 0, nil
}

// errEnough ends a read that has shown what it should.
var errEnough = errors.New("enough")

// newStreamer checks what a client asks for, while there is still a status to say what
// is wrong. The caller sets where
// the events go.
func (h *handlers) newStreamer(ctx context.Context, id string, filter logFilter, cursors ...string) (*streamer, *core.Execution, error) {
	e, names, err := h.named(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if err := filter.check(); err != nil {
		return nil, nil, err
	}
	from, err := parseCursor(cursors...)
	if err == nil && from > 0 { // a cursor of another log, or of none?
		err = h.Logs.Read(ctx, id, from, func(core.LogRecord, core.Cursor) error { return errEnough })
	}
	if err != nil && !errors.Is(err, errEnough) {
		return nil, nil, err
	}
	return &streamer{h: h, id: id, names: names, filter: filter, from: from}, e, nil
}
