package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func out(step int, stream core.LogStream, offset int64, text string) core.LogRecord {
	return core.LogRecord{Step: step, Attempt: 1, Stream: stream, Offset: offset, Data: []byte(text)}
}

// show gives a renderer some records and steps, and returns what it wrote.
func show(t *testing.T, interactive bool, act func(*Renderer, core.LogWriter)) string {
	t.Helper()
	var b bytes.Buffer
	r := New(&b, interactive)
	r.Label(0, "build")
	r.Label(1, "test")
	w, err := r.OpenLog(t.Context(), "e")
	if err != nil {
		t.Fatal(err)
	}
	act(r, w)
	r.Close()
	return b.String()
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlainLines(t *testing.T) {
	t.Parallel()
	got := show(t, false, func(r *Renderer, w core.LogWriter) {
		must(t, w.Append(out(0, core.StreamStdout, 0, "one\ntw")),
			w.Append(out(1, core.StreamStderr, 0, "other\n")),
			w.Append(out(0, core.StreamStdout, 6, "o\n10%\r20%\rdone\nrest")),
			w.Append(out(0, core.StreamStdout, 0, "one\ntwo\n")), // known already
			w.Append(out(0, core.StreamSystem, 0, "the engine's words\n")))
		r.StepChanged(&core.StepRun{Index: 0, Name: "build", Status: core.StatusSuccess})
	})
	want := "build | one\ntest | other\nbuild | two\nbuild | done\nbuild | • the engine's words\nbuild | rest\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	show(t, false, func(_ *Renderer, w core.LogWriter) {
		must(t, w.Append(out(0, core.StreamStdout, 0, "abc")), w.Append(out(0, core.StreamStderr, 0, "de")))
		if got := w.Offsets(0, 1); got != (core.LogOffsets{Stdout: 3, Stderr: 2}) {
			t.Errorf("offsets %+v", got)
		}
		if err := w.Append(out(0, core.StreamStdout, 9, "gap")); err == nil {
			t.Error("a gap was taken")
		}
	})
}

func TestSummary(t *testing.T) {
	t.Parallel()
	at := time.Unix(0, 0)
	later := at.Add(1500 * time.Millisecond)
	got := show(t, false, func(r *Renderer, _ core.LogWriter) {
		r.Summary(&core.Execution{PipelineName: "p", Status: core.StatusFailed, StartedAt: &at, FinishedAt: &later}, []*core.StepRun{
			{Index: 0, Name: "build", Status: core.StatusSuccess, StartedAt: &at, FinishedAt: &later, Attempts: make([]core.Attempt, 2)},
			{Index: 1, Name: "test", Status: core.StatusFailed, Reason: "exit code 3", StartedAt: &at, FinishedAt: &later},
		})
	})
	want := "\n✓ build      1.5s  at attempt 2\n✗ test       1.5s  failed: exit code 3\np failed in 1.5s\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestInteractiveUsesColour(t *testing.T) {
	t.Parallel()
	got := show(t, true, func(_ *Renderer, w core.LogWriter) {
		must(t, w.Append(out(0, core.StreamStdout, 0, "line\n")))
	})
	if !strings.Contains(got, "\x1b[") || !strings.Contains(got, "line\n") {
		t.Errorf("%q", got)
	}
}

func TestEndlessLineIsShownInPieces(t *testing.T) {
	t.Parallel()
	got := show(t, false, func(_ *Renderer, w core.LogWriter) {
		must(t, w.Append(out(0, core.StreamStdout, 0, strings.Repeat("x", maxPartial+1))))
	})
	if len(got) < maxPartial {
		t.Errorf("only %d bytes are shown", len(got))
	}
}
