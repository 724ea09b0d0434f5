package terminal

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// Summary shows how the run and each of its steps ended.
func (r *Renderer) Summary(e *core.Execution, steps []*core.StepRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.steps {
		r.flush(v)
	}
	r.eraseStatus()
	width := 0
	for _, s := range steps {
		width = max(width, utf8.RuneCountInString(r.view(s.Index).label))
	}
	fmt.Fprintln(r.out)
	for _, s := range steps {
		r.summaryLine(s, width)
	}
	word, style := verdictWord(e.Status)
	line := fmt.Sprintf("%s %s", e.PipelineName, word)
	if e.StartedAt != nil && e.FinishedAt != nil {
		line += " in " + short(e.FinishedAt.Sub(*e.StartedAt))
	}
	if e.Status == core.StatusTimeout || e.Status == core.StatusCancelled {
		line += ": " + e.Reason
	}
	fmt.Fprintln(r.out, r.paint(bold+style, line))
}

func (r *Renderer) summaryLine(s *core.StepRun, width int) {
	mark, style := mark(s)
	label := r.view(s.Index).label
	pad := fmt.Sprintf("%*s", width-utf8.RuneCountInString(label), "")
	text := fmt.Sprintf("%s %s%s  %8s", r.paint(style, mark), label, pad, stepDuration(s))
	switch {
	case s.Allowed:
		text += "  failed, allowed: " + s.Reason
	case s.Status == core.StatusSuccess && len(s.Attempts) > 1:
		text += fmt.Sprintf("  at attempt %d", len(s.Attempts))
	case s.Status != core.StatusSuccess:
		text += fmt.Sprintf("  %s", s.Status)
		if s.Reason != "" {
			text += ": " + s.Reason
		}
	}
	fmt.Fprintln(r.out, text)
	for _, h := range s.Hooks {
		if h.Attempt.Status != core.StatusSuccess && !h.Phase.OfConnector() {
			fmt.Fprintf(r.out, "%s %*s  hook %s %s: %s\n", r.paint(yellow, "!"), width, "", h.Label(), h.Attempt.Status, h.Attempt.Message)
		}
	}
}

func stepDuration(s *core.StepRun) string {
	if s.StartedAt == nil || s.FinishedAt == nil {
		return ""
	}
	return short(s.FinishedAt.Sub(*s.StartedAt).Truncate(time.Millisecond))
}

func mark(s *core.StepRun) (text, style string) {
	switch {
	case s.Status == core.StatusSuccess:
		return "✓", green
	case s.Allowed:
		return "!", yellow
	case s.Status == core.StatusSkipped:
		return "-", dim
	default:
		return "✗", red
	}
}

func verdictWord(status core.Status) (word, style string) {
	switch status {
	case core.StatusSuccess:
		return "succeeded", green
	case core.StatusTimeout:
		return "timed out", red
	case core.StatusCancelled:
		return "was cancelled", yellow
	default:
		return "failed", red
	}
}
