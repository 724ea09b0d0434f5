package api

import (
	"context"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// What GET /ci/executions/{id} shows of the log.
const (
	maxOutput  = 64 << 10 // bytes of each stream of each step
	maxEntries = 1000
	maxMessage = 4 << 10 // bytes of an entry
	maxTail    = 8 << 20 // bytes of a log that are read for all of it
)

// tail keeps the end of a text.
type tail struct{ data []byte }

func (t *tail) add(data []byte) {
	t.data = append(t.data, data...)
	if len(t.data) > 2*maxOutput {
		t.data = append(t.data[:0], t.data[len(t.data)-maxOutput:]...)
	}
}

func (t *tail) text() *string {
	text := strings.ToValidUTF8(string(t.data[max(0, len(t.data)-maxOutput):]), "\uFFFD")
	return &text
}

// spoken tells whose words they are: a step's, or those of one of its hooks.
type spoken struct{ step, hook int }

func speaker(r core.LogRecord) spoken {
	if r.IsHook() {
		return spoken{r.Step, r.Attempt}
	}
	return spoken{step: r.Step}
}

// stepTails are the ends of what the last attempt of a step has said, or a hook.
type stepTails struct {
	attempt        int
	stdout, stderr tail
}

// addOutput adds the end of what each step said, and the last lines of all. Of a long
// log it reads only the end: a question for the status must not cost a gigabyte.
func (h *handlers) addOutput(ctx context.Context, view *Execution) error {
	names := stepNames{}
	for _, stage := range *view.Stages {
		for _, step := range stage.Steps {
			names = append(names, stepName{stage: stage.Name, step: step.Name})
		}
	}
	from, err := h.Logs.Tail(ctx, view.Id, maxTail)
	if err != nil {
		return err
	}
	view.LogsTruncated = some(from > 0)
	tails := map[spoken]*stepTails{}
	var entries []LogEntry
	err = h.Logs.Read(ctx, view.Id, from, func(r core.LogRecord, _ core.Cursor) error {
		if r.Stream == core.StreamStatus {
			return nil
		}
		entries = appendEntries(entries, names, r)
		t := tails[speaker(r)]
		if t == nil || t.attempt != r.Attempt {
			t = &stepTails{attempt: r.Attempt}
			tails[speaker(r)] = t
		}
		switch r.Stream {
		case core.StreamStdout:
			t.stdout.add(r.Data)
		case core.StreamStderr:
			t.stderr.add(r.Data)
		}
		return nil
	})
	if err != nil {
		return err
	}
	of := func(s spoken) (stdout, stderr *string) {
		t := tails[s]
		if t == nil {
			t = &stepTails{}
		}
		return t.stdout.text(), t.stderr.text()
	}
	index := 0
	for i := range *view.Stages {
		steps := (*view.Stages)[i].Steps
		for j := range steps {
			steps[j].Stdout, steps[j].Stderr = of(spoken{step: index})
			addHookOutput(steps[j].Hooks, func(attempt int) (stdout, stderr *string) { return of(spoken{index, attempt}) })
			index++
		}
	}
	if entries == nil {
		entries = []LogEntry{}
	}
	view.Logs = &entries
	return nil
}

// appendEntries adds the lines of a record and forgets the oldest beyond the bound.
func appendEntries(entries []LogEntry, names stepNames, r core.LogRecord) []LogEntry {
	level := LogEntryLevel("info")
	if r.Stream == core.StreamStderr {
		level = "error"
	}
	name := names.of(r.Step)
	text := strings.ToValidUTF8(strings.TrimSuffix(string(r.Data), "\n"), "\uFFFD")
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > maxMessage { // cloned: a part would hold on to the whole record
			line = strings.Clone(strings.ToValidUTF8(line[:maxMessage], ""))
		}
		entries = append(entries, LogEntry{Timestamp: r.Time, Level: level, Stage: name.stage, Step: name.step, Message: line})
	}
	if len(entries) > 2*maxEntries {
		entries = append(entries[:0], entries[len(entries)-maxEntries:]...)
	}
	return entries[max(0, len(entries)-maxEntries):]
}
