package main

import (
	"context"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// maxTail is how much of each stream of a step `run -o json` shows: its end, in bytes.
const maxTail = 64 << 10

// tails is a core.LogOpener that also keeps the end of what each step's last attempt
// printed, for programs that read the result of a run.
type tails struct {
	next core.LogOpener

	mu    sync.Mutex
	steps map[spoken]*stepTail
}

// spoken tells whose words they are: a step's (hook 0), or those of one of its hooks.
type spoken struct{ step, hook int }

type stepTail struct {
	attempt        int
	stdout, stderr []byte
}

func newTails(next core.LogOpener) *tails { return &tails{next: next, steps: map[spoken]*stepTail{}} }

// OpenLog implements core.LogOpener.
func (t *tails) OpenLog(ctx context.Context, executionID string) (core.LogWriter, error) {
	w, err := t.next.OpenLog(ctx, executionID)
	return &tailWriter{LogWriter: w, tails: t}, err
}

type tailWriter struct {
	core.LogWriter
	tails *tails
}

// Append implements core.LogWriter. What the writer below has already is not kept
// twice.
func (w *tailWriter) Append(r core.LogRecord) error {
	before := w.Offsets(r.Step, r.Attempt)
	if err := w.LogWriter.Append(r); err != nil {
		return err
	}
	stored := before.Stdout
	switch r.Stream {
	case core.StreamStderr:
		stored = before.Stderr
	case core.StreamSystem, core.StreamStatus:
		return nil
	}
	if r.Offset+r.Advance() <= stored {
		return nil
	}
	if r.Span == 0 && r.Offset < stored {
		r.Data = r.Data[stored-r.Offset:]
	}
	w.tails.add(r)
	return nil
}

func (t *tails) add(r core.LogRecord) {
	t.mu.Lock()
	defer t.mu.Unlock()
	speaker := spoken{step: r.Step}
	if r.IsHook() {
		speaker.hook = r.Attempt
	}
	s := t.steps[speaker]
	if s == nil || s.attempt != r.Attempt {
		s = &stepTail{attempt: r.Attempt}
		t.steps[speaker] = s
	}
	kept := &s.stdout
	if r.Stream == core.StreamStderr {
		kept = &s.stderr
	}
	*kept = append(*kept, r.Data...)
	if len(*kept) > 2*maxTail {
		*kept = append((*kept)[:0], (*kept)[len(*kept)-maxTail:]...)
	}
}

// of returns the ends of a step's streams as text.
func (t *tails) of(step int) (stdout, stderr string) { return t.ofHook(step, 0) }

// ofHook returns the ends of the streams of a step's hook, by its attempt's number.
func (t *tails) ofHook(step, hook int) (stdout, stderr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.steps[spoken{step, hook}]
	if s == nil {
		return "", ""
	}
	text := func(kept []byte) string {
		return strings.ToValidUTF8(string(kept[max(0, len(kept)-maxTail):]), "\uFFFD")
	}
	return text(s.stdout), text(s.stderr)
}
