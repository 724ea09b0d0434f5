package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// events reads server-sent events from a cursor on, at most limit of them; it returns
// the texts, and the id of the last.
func (b *bench) events(id, last string, limit int) (texts []string, cursor string, ended bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.URL+"/api/ci/executions/"+id+"/events?stream=stdout", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	response, err := b.server.Client().Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	cursor = last
	for lines.Scan() && len(texts) < limit {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "id":
			cursor = value
		case field == "data" && strings.Contains(value, `"text"`):
			_, text, _ := strings.Cut(value, `"text":"`)
			texts = append(texts, strings.TrimSuffix(strings.TrimSuffix(text, `"}`), `\n`))
		case field == "event" && value == "end":
			return texts, cursor, true
		}
	}
	return texts, cursor, false
}

// A client that breaks off after any event and comes back misses and repeats nothing.
func TestEventsResumeAnywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	const lines = 12
	go func() {
		w, err := b.logs.OpenLog(context.Background(), id)
		if err != nil {
			t.Error(err)
			return
		}
		offset := 0
		for i := range lines {
			text := fmt.Sprintf("line %d\n", i)
			err := w.Append(core.LogRecord{Time: time.Now(), Attempt: 1, Stream: core.StreamStdout, Offset: int64(offset), Data: []byte(text)})
			if err != nil {
				t.Error(err)
			}
			offset += len(text)
		}
		e, err := b.store.Execution(context.Background(), id)
		if err == nil {
			e.Status = core.StatusSuccess
			err = b.store.UpdateExecution(context.Background(), e)
		}
		if err != nil {
			t.Error(err)
		}
		if err := w.Seal(); err != nil {
			t.Error(err)
		}
		w.Close()
	}()
	whole, _, ended := b.events(id, "", lines+1)
	if len(whole) != lines || !ended {
		t.Fatalf("%d lines, ended %v", len(whole), ended)
	}
	for n := 1; n <= lines; n++ {
		first, cursor, _ := b.events(id, "", n)
		rest, _, ended := b.events(id, cursor, lines+1)
		if got := append(first, rest...); fmt.Sprint(got) != fmt.Sprint(whole) || !ended {
			t.Errorf("broken off after %d: %v", n, got)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", "0", "12", "-1", "9223372036854775808", "x", " 1", "1e3"} {
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		c, err := parseCursor(header, query)
		if err == nil && c < 0 {
			t.Errorf("cursor %d", c)
		}
		if err == nil && header != "" && strconv.FormatInt(int64(c), 10) != strings.TrimLeft(strings.TrimPrefix(header, "+"), "0") && c != 0 {
			t.Errorf("%q became %d", header, c)
		}
	})
}

// The time an answer may take does not end one that follows a log.
func TestFollowersOutliveTheAnswerTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	const limit = 20 * time.Millisecond
	server := httptest.NewUnstartedServer(b.server.Config.Handler)
	server.Config = NewServer("", b.server.Config.Handler, false)
	server.Config.WriteTimeout = limit
	server.Start()
	defer server.Close()
	b.server = server
	go func() {
		<-time.After(5 * limit) // what is tested is that time passes
		b.say(id, 0, core.StreamStdout, 0, "late\n")
		w, err := b.logs.OpenLog(context.Background(), id)
		if err == nil {
			err = errors.Join(w.Seal(), w.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}()
	if texts, _, ended := b.events(id, "", 2); len(texts) != 1 || !strings.HasPrefix(texts[0], "late") || !ended {
		t.Errorf("%q, ended %v", texts, ended)
	}
}
