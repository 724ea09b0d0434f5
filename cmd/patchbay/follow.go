package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

// Pauses between tries to reach a server that went away in the middle of a log.
const (
	minReconnect = 100 * time.Millisecond
	maxReconnect = 5 * time.Second
	// giveUp is how long a server may be away.
	giveUp = 2 * time.Minute
)

// maxEvent is the longest line of an event: a record of 64 KiB, each byte escaped.
const maxEvent = 1 << 20

// followExecution shows what an execution says until it ends. When the connection
// breaks it goes on where it was: nothing is lost or shown twice. It ends early, with
// an error, when nothing can be shown or the server stays away.
func (a *app) followExecution(ctx context.Context, r *remote, id string, f logFlags) error {
	follower := &eventReader{print: a.printEvent}
	params := client.GetEventsParams{Stage: given(f.stage), Step: given(f.step), Stream: given(client.GetEventsParamsStream(f.stream))}
	var tries retry
	for connected := false; follower.status == ""; {
		params.LastEventId = given(follower.last)
		shown := follower.last
		body, err := r.stream(r.api.GetEvents(ctx, id, &params))
		var away *unreachable
		switch {
		case err == nil:
			connected = true
			err = follower.read(body)
			body.Close()
			if err != nil {
				return &exitError{exitFailed, fmt.Errorf("the log cannot be shown: %w", err)}
			}
			if follower.last != shown {
				tries = retry{}
				continue
			}
			err = &exitError{exitFailed, fmt.Errorf("%s ends the log's stream again and again; its own log may say why", r.url)}
		case !connected || !errors.As(err, &away):
			return err
		}
		if follower.status != "" {
			break
		}
		pause, more := tries.next(time.Now())
		if !more {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return &exitError{exitFailed, context.Cause(ctx)}
		}
	}
	if a.output == "text" {
		fmt.Fprintf(a.stderr, "execution %s: %s\n", id, follower.status)
	}
	if follower.status != string(client.StatusSuccess) {
		return &exitError{code: exitFailed}
	}
	return nil
}

// retry spaces the tries to reach a server that is away, longer each time. Zero is
// one that has not begun.
type retry struct {
	pause time.Duration
	since time.Time
}

// next returns how long to wait before the next try, and false when the server has
// been away for too long.
func (r *retry) next(now time.Time) (time.Duration, bool) {
	if r.since.IsZero() {
		r.since = now
	}
	r.pause = min(max(2*r.pause, minReconnect), maxReconnect)
	return r.pause, now.Sub(r.since) < giveUp
}

// printEvent shows a piece of a log: to people behind its step's name, to programs
// as it is.
func (a *app) printEvent(data []byte) error {
	if a.output == "json" {
		_, err := a.stdout.Write(append(data, '\n'))
		return err
	}
	var event client.LogEvent
	if err := json.Unmarshal(data, &event); err != nil {
		return err
	}
	prefix := linePrefix(event)
	var lines strings.Builder // written at once: an event may have thousands
	for line := range strings.SplitSeq(strings.TrimSuffix(event.Text, "\n"), "\n") {
		lines.WriteString(prefix)
		lines.WriteString(line)
		lines.WriteByte('\n')
	}
	_, err := io.WriteString(a.stdout, lines.String())
	return err
}

// linePrefix is who says a line: the step, and of a matrix, whose steps have the same
// names, the combination; and the step's hook, if it is one.
func linePrefix(event client.LogEvent) string {
	prefix := ""
	if event.Step != "" {
		prefix = event.Step + " | "
		if at := strings.LastIndex(event.Stage, " ("); at > 0 && strings.HasSuffix(event.Stage, ")") {
			prefix = event.Step + event.Stage[at:] + " | "
		}
		if event.Hook != nil {
			prefix += *event.Hook + " | "
		}
	}
	if event.Stream == client.LogEventStreamSystem {
		prefix += "• "
	}
	return prefix
}

// eventReader reads server-sent events (HTML standard, 9.2).
type eventReader struct {
	print  func(data []byte) error
	last   string // id of the last event
	status string // set by the end event
}

// read reads until the stream ends, however it does. The error says that an event
// cannot be shown: asking for it again would not help.
func (e *eventReader) read(body io.Reader) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	var kind, id, data string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if err := e.event(kind, id, data); err != nil {
				return err
			}
			kind, id, data = "", "", ""
		case field == "event":
			kind = value
		case field == "id":
			id = value
		case field == "data":
			data = value
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return lines.Err()
	}
	return nil
}

func (e *eventReader) event(kind, id, data string) error {
	switch kind {
	case "log":
		if err := e.print([]byte(data)); err != nil {
			return err
		}
		e.last = id
	case "status":
		e.last = id
	case "end":
		var end struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal([]byte(data), &end); err != nil {
			return err
		}
		e.status = end.Status
	}
	return nil
}
