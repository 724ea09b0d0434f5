package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// decisionRequest is a decision on its way to the goroutine of a run.
type decisionRequest struct {
	decision core.Decision
	done     chan error // buffered
}

// Decide implements core.Approver. The decision is stored when it returns.
func (e *Engine) Decide(ctx context.Context, d core.Decision) error {
	execution, err := e.options.Store.Execution(ctx, d.ExecutionID)
	if err != nil {
		return err
	}
	if execution.Status.Terminal() {
		return core.Errorf(core.CodeConflict, "execution %s has already ended: %s", d.ExecutionID, execution.Status)
	}
	e.mu.Lock()
	r := e.active[d.ExecutionID]
	e.mu.Unlock()
	if r == nil {
		return nothingWaits(d)
	}
	request := decisionRequest{decision: d, done: make(chan error, 1)}
	select {
	case r.decisions <- request:
	case <-r.ctx.Done():
		return nothingWaits(d)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-request.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func nothingWaits(d core.Decision) error {
	return core.Errorf(core.CodeConflict, "nothing in execution %s waits for an approval", d.ExecutionID)
}

// needsApproval reports whether a node may not start before somebody has said so.
func (r *run) needsApproval(node int) bool {
	step := r.steps[node]
	if r.plan.Nodes[node].Step.Approval == nil || step.Status == core.StatusRunning {
		return false
	}
	return step.Approval == nil || step.Approval.Approved == nil || r.plan.Nodes[node].IsApproval()
}

// await makes a node wait for a decision; after a restart it goes on waiting.
func (r *run) await(node int) {
	step, spec := r.steps[node], r.plan.Nodes[node].Step.Approval
	if step.Approval == nil {
		at := now()
		step.Status, step.Approval = core.StatusWaiting, &core.Approval{Message: spec.Message, Approvers: spec.Approvers, RequestedAt: at}
		if spec.Timeout > 0 {
			deadline := at.Add(spec.Timeout.Std())
			step.Approval.Deadline = &deadline
		}
		if r.saveStep(step) != nil {
			return
		}
		r.say(node, 0, "waiting for an approval%s", prefixed(": ", spec.Message))
	}
	r.waiting[node] = true
	if step.Approval.Approved != nil { // decided, but a crash came before its effect
		r.applyDecision(node)
		return
	}
	r.armTimer(&step.Approval.RequestedAt, spec.Timeout, func() {
		if r.waiting[node] {
			r.endWaiting(node, core.StatusTimeout, fmt.Sprintf("nobody approved it within %s", spec.Timeout))
		}
	})
}

// endWaiting ends a node that nobody decided about.
func (r *run) endWaiting(node int, status core.Status, reason string) {
	delete(r.waiting, node)
	step, at := r.steps[node], now()
	step.Status, step.Reason, step.FinishedAt = status, reason, &at
	if r.saveStep(step) != nil {
		return
	}
	r.say(node, 0, "%s: %s", status, reason)
	r.settle(node)
}

// answer checks and stores a decision, and lets it take effect.
func (r *run) answer(d core.Decision) error {
	node, err := r.findWaiting(d)
	if err != nil {
		return err
	}
	step := r.steps[node]
	if approvers := step.Approval.Approvers; len(approvers) > 0 && !slices.Contains(approvers, d.By) {
		return &core.Error{Code: core.CodeForbidden, Message: fmt.Sprintf("%s may not decide about %s", d.By, step.Name),
			Details: fmt.Sprintf("its approvers are %v", approvers)}
	}
	decided := *step.Approval
	at := now()
	decided.Approved, decided.By, decided.Comment, decided.DecidedAt = &d.Approved, d.By, d.Comment, &at
	step.Approval = &decided
	if err := r.saveStep(step); err != nil {
		return core.Errorf(core.CodeUnavailable, "the server is stopping; decide again when it is back")
	}
	r.applyDecision(node)
	return nil
}

// findWaiting returns the node that a decision is about. A stage without a step means
// the stage's own approval, or the only one of its steps that waits.
func (r *run) findWaiting(d core.Decision) (int, error) {
	var found []int
	var names []string
	for node := range r.steps {
		step, n := r.steps[node], &r.plan.Nodes[node]
		if !r.waiting[node] {
			continue
		}
		names = append(names, step.Stage+"/"+step.Name)
		stage := r.plan.Stages[n.Stage].Spec.Name
		if (d.Stage == "" || d.Stage == stage || d.Stage == step.Stage) && (d.Step == "" || d.Step == step.Name || (d.Stage == "" && n.IsApproval() && d.Step == stage)) {
			found = append(found, node)
		}
	}
	switch {
	case len(names) == 0:
		return 0, nothingWaits(d)
	case len(found) == 0:
		return 0, &core.Error{Code: core.CodeConflict, Message: fmt.Sprintf("nothing named %q waits for an approval", prefixedPath(d.Stage, d.Step)),
			Suggestions: []string{fmt.Sprintf("these wait: %v", names)}}
	case len(found) > 1:
		return 0, &core.Error{Code: core.CodeInvalid, Message: "several steps wait for an approval; say which is meant",
			Suggestions: []string{fmt.Sprintf("these wait: %v", names)}}
	}
	return found[0], nil
}

// applyDecision goes on with a node whose decision is stored.
func (r *run) applyDecision(node int) {
	step := r.steps[node]
	decision := step.Approval
	delete(r.waiting, node)
	if *decision.Approved {
		r.say(node, 0, "approved by %s%s", decision.By, prefixed(": ", decision.Comment))
		if !r.plan.Nodes[node].IsApproval() {
			r.schedule.again(node)
			return
		}
		step.Status, step.FinishedAt = core.StatusSuccess, decision.DecidedAt
	} else {
		step.Status, step.FinishedAt = core.StatusFailed, decision.DecidedAt
		step.Reason = fmt.Sprintf("rejected by %s%s", decision.By, prefixed(": ", decision.Comment))
		r.say(node, 0, "%s", step.Reason)
	}
	if r.saveStep(step) == nil {
		r.settle(node)
	}
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func prefixedPath(stage, step string) string {
	if stage == "" || step == "" {
		return stage + step
	}
	return stage + "/" + step
}
