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
		r.post(expired)
	}))
}

// armInstanceTimer limits an instance of a stage from its first step on, across
// restarts.
func (r *run) armInstanceTimer(instance int) {
	if r.instanceStarted[instance] {
		return
	}
	r.instanceStarted[instance] = true
	begin := now()
	for _, node := range r.plan.Instances[instance].Nodes {
		if at := r.steps[node].StartedAt; at != nil && at.Before(begin) {
			begin = *at
		}
	}
	limit := r.plan.Stages[r.plan.Instances[instance].Stage].Spec.Timeout
	r.armTimer(&begin, limit, func() {
		r.stopInstance(instance, &stopReason{core.StatusTimeout,
			fmt.Sprintf("the time of stage %s, %s, was up", r.plan.Instances[instance].Name, limit)})
	})
}
