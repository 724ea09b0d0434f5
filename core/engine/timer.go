package engine

import (
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// armTimer calls expired in the run's goroutine when limit has passed since start.
func (r *run) armTimer(start *time.Time, limit core.Duration, expired func()) {
	if limit <= 0 || start == nil {
		return
	}
	r.timers = append(r.timers, time.AfterFunc(time.Until(start.Add(limit.Std())), func() {
		select {
		case r.events <- expired:
		case <-r.ctx.Done():
		}
	}))
}

// armStageTimer limits a stage from its first step on, across restarts.
func (r *run) armStageTimer(stage int) {
	if r.stageStarted[stage] {
		return
	}
	r.stageStarted[stage] = true
	begin := now()
	for _, node := range r.plan.Stages[stage].Nodes {
		if at := r.steps[node].StartedAt; at != nil && at.Before(begin) {
			begin = *at
		}
	}
	spec := r.plan.Stages[stage].Spec
	r.armTimer(&begin, spec.Timeout, func() {
		reason := &stopReason{core.StatusTimeout, fmt.Sprintf("the time of stage %s, %s, was up", spec.Name, spec.Timeout)}
		r.stageHalt[stage] = reason
		for _, node := range r.plan.Stages[stage].Nodes {
			if stop, running := r.stops[node]; running {
				stop(reason)
			}
		}
	})
}
