package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/engine"
)

// localApprovals answers what a run in a terminal asks: with --approve all of it is
// approved, a person at the terminal is asked, and where there is neither it is
// rejected, since nobody will come.
type localApprovals struct {
	app       *app
	approve   bool
	questions chan *core.StepRun
}

// maxQuestions is how many approvals of one run can wait to be asked about; more are
// rejected.
const maxQuestions = 1000

func (a *app) newLocalApprovals(approve bool) *localApprovals {
	return &localApprovals{app: a, approve: approve, questions: make(chan *core.StepRun, maxQuestions)}
}

// stepChanged is told of every change; it does not block.
func (l *localApprovals) stepChanged(s *core.StepRun) {
	if s.Status != core.StatusWaiting || s.Approval == nil || s.Approval.Approved != nil {
		return
	}
	question := *s
	select {
	case l.questions <- &question:
	default:
	}
}

// answerAll answers, one question after the other, until ctx ends.
func (l *localApprovals) answerAll(ctx context.Context, runs *engine.Engine) {
	lines := bufio.NewReader(l.app.stdin)
	for {
		select {
		case s := <-l.questions:
			decision := core.Decision{ExecutionID: s.ExecutionID, Stage: s.Stage, Step: s.Name, By: "patchbay run"}
			decision.Approved, decision.Comment = l.decide(lines, s)
			// It may have ended meanwhile: then there is nothing to decide.
			_ = runs.Decide(ctx, decision)
		case <-ctx.Done():
			return
		}
	}
}

func (l *localApprovals) decide(lines *bufio.Reader, s *core.StepRun) (approved bool, comment string) {
	switch {
	case l.approve:
		return true, "--approve"
	case !l.app.interactive() || !isTerminal(l.app.stdin):
		return false, "nobody can be asked here; --approve approves everything"
	}
	what := s.Stage + "/" + s.Name
	if s.Approval.Message != "" {
		what += ": " + s.Approval.Message
	}
	fmt.Fprintf(l.app.stderr, "\nApprove %s? [y/N] ", what)
	answer, err := lines.ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return err == nil && (answer == "y" || answer == "yes"), ""
}
