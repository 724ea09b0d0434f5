package engine

import (
	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/queue"
)

// membership is a stage's place in its concurrency group: it waits there, or holds it.
type membership struct {
	leave  func()
	inside bool
}

// enterGroups has stages that are ready ask for their groups. A stage whose steps
// will be skipped in any case goes on without.
func (r *run) enterGroups() {
	for {
		stage, ok := r.schedule.nextAdmission()
		if !ok {
			return
		}
		begun := r.begun(stage)
		if r.stageEnded(stage) || !begun && (r.halt != nil || r.schedule.stagesBlocked(stage)) {
			r.schedule.admit(stage)
			continue
		}
		group := *r.plan.Stages[stage].Spec.Concurrency
		var err error
		if group.Group, err = r.expandGroup(stage, group.Group); err != nil {
			r.failed = true
			r.stopAll(&stopReason{core.StatusFailed, "the concurrency group of stage " + r.plan.Stages[stage].Spec.Name + " cannot be evaluated: " + err.Error()})
			r.schedule.admit(stage)
			continue
		}
		m := &membership{}
		r.groups[stage] = m
		member := queue.Member{Group: group.Group, Execution: r.id, Stage: r.plan.Stages[stage].Spec.Name}
		m.leave = r.engine.enterGroup(group, member, begun, func() {
			go r.post(func() { r.inGroup(stage) })
		})
	}
}

// begun reports whether a stage had begun before a restart. What was taken over from
// the execution that this one repeats does not count.
func (r *run) begun(stage int) bool {
	for _, node := range r.plan.Stages[stage].Nodes {
		step := r.steps[node]
		if !r.plan.Nodes[node].IsApproval() && !step.Reused && step.Status != core.StatusPending && step.Status != core.StatusWaiting {
			return true
		}
	}
	return false
}

// stageEnded reports whether nothing of a stage is left to run.
func (r *run) stageEnded(stage int) bool {
	for _, node := range r.plan.Stages[stage].Nodes {
		if !r.steps[node].Status.Terminal() {
			return false
		}
	}
	return true
}

// settleGroups says once that whatever had begun before a restart is in its group again.
func (r *run) settleGroups() {
	if !r.settled {
		r.settled = true
		r.engine.settle(r.id)
	}
}

func (r *run) inGroup(stage int) {
	if m := r.groups[stage]; m != nil && !m.inside {
		m.inside = true
		r.schedule.admit(stage)
	}
}

// leaveGroup gives up a stage's place, if it has one.
func (r *run) leaveGroup(stage int) {
	if m := r.groups[stage]; m != nil {
		delete(r.groups, stage)
		m.leave()
	}
}

// abandonGroups lets the stages that still wait for their groups go on to being
// skipped.
func (r *run) abandonGroups() {
	for stage, m := range r.groups {
		if !m.inside {
			r.leaveGroup(stage)
			r.schedule.admit(stage)
		}
	}
}

// slotState says whether an execution counts among those that run at once.
type slotState int

const (
	slotHeld slotState = iota
	// slotYielded: it only waits, for approvals or groups.
	slotYielded
	slotAsked
)

// yieldSlot gives the execution's slot to another while it only waits for people or
// for other executions.
func (r *run) yieldSlot() {
	if r.slot == slotHeld && r.running == 0 && len(r.waiting)+len(r.groups) > 0 && !r.schedule.anyDue() {
		r.slot = slotYielded
		r.engine.yieldSlot(r.id)
	}
}

// haveSlot reports whether steps may start now, and asks for the slot back if not.
func (r *run) haveSlot() bool {
	if r.slot == slotYielded {
		r.slot = slotAsked
		r.engine.reclaimSlot(r.id, func() {
			go r.post(func() { r.slot = slotHeld })
		})
	}
	return r.slot == slotHeld
}
