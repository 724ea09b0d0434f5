//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// followed is what a client of /events came to know of one step's output.
type followed struct {
	execution string
	text      string
	ended     string // the status in the last event
	resumed   int    // how often it had to connect again
	wrong     string
}

// follow reads a step's standard output as server-sent events, connecting again
// with the last cursor whenever the connection breaks, until the end is told.
func (c *client) follow(ctx context.Context, execution, step string) followed {
	f := followed{execution: execution}
	cursor := ""
	for f.ended == "" && f.wrong == "" && ctx.Err() == nil {
		path := "/api/ci/executions/" + execution + "/events?stream=stdout&step=" + step
		if cursor != "" {
			path += "&last_event_id=" + cursor
		}
		response, err := c.open(ctx, http.MethodGet, path, nil)
		if err == nil && response.StatusCode == http.StatusOK {
			cursor = f.read(response, cursor)
		} else if err == nil && response.StatusCode < 500 {
			f.wrong = "the answer was " + response.Status
		}
		if err == nil {
			response.Body.Close()
		}
		if f.ended == "" {
			f.resumed++
			sleep(ctx, 30*time.Millisecond)
		}
	}
	return f
}

// read takes events until the connection ends, and returns the last cursor.
func (f *followed) read(response *http.Response, cursor string) string {
	lines := bufio.NewReader(response.Body)
	event, id, data := "", "", ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return cursor // an event that is not whole is not one
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if f.take(event, data, cursor, id) {
				return cursor
			}
			if id != "" {
				cursor = id
			}
			event, id, data = "", "", ""
		}
	}
}

// take handles a whole event and reports whether it was the last.
func (f *followed) take(event, data, cursor, id string) (last bool) {
	switch event {
	case "end":
		var end struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal([]byte(data), &end); err != nil {
			f.wrong = fmt.Sprintf("the last event is %q", data)
		}
		f.ended = end.Status
		return true
	case "log":
		var log struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal([]byte(data), &log); err != nil {
			f.wrong = fmt.Sprintf("an event is %.100q", data)
			return true
		}
		before, _ := strconv.ParseInt(cursor, 10, 64)
		if after, err := strconv.ParseInt(id, 10, 64); err != nil || after <= before {
			f.wrong = fmt.Sprintf("cursor %q follows %q", id, cursor)
			return true
		}
		f.text += log.Text
	}
	return false
}
