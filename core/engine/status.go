package engine

import (
	"encoding/json"

	"github.com/patchbay-ci/patchbay/core"
)

// Every change of status that is stored becomes a record of the execution's log, so
// that status and output have one order, and whoever follows with a cursor misses
// and repeats nothing. The document comes first: a crash between the two is made
// good when the log is opened again (see catchUp), by the versions.

// maxReason is how much of a reason an event carries.
const maxReason = 4 << 10

func (r *run) tellExecution() {
	e := r.execution
	r.tell(core.StatusEvent{Step: -1, Status: e.Status, Reason: e.Reason, Version: e.Version, Time: e.UpdatedAt})
}

func (r *run) tellStep(s *core.StepRun) {
	r.tell(core.StatusEvent{Step: s.Index, Stage: s.Stage, Name: s.Name, Status: s.Status, Allowed: s.Allowed,
		Reason: s.Reason, Attempt: len(s.Attempts), Version: s.Version, Time: now()})
}

func (r *run) tell(event core.StatusEvent) {
	if r.logs == nil {
		return // not open yet: catchUp will tell
	}
	event.Reason = event.Reason[:min(len(event.Reason), maxReason)]
	data, err := json.Marshal(event)
	if err == nil {
		err = r.logs.Append(core.LogRecord{Time: event.Time, Step: event.Step, Attempt: 0, Stream: core.StreamStatus, Data: data})
	}
	if err != nil {
		r.log.Warn("a change of status could not be written to the log", "step", event.Step, "status", event.Status, "error", err)
	}
}

// catchUp tells what was stored when the log was not open, or before a crash kept it
// from being told.
func (r *run) catchUp() {
	if r.logs.StatusVersion(-1) < r.execution.Version {
		r.tellExecution()
	}
	for i, step := range r.steps {
		if step.Version > r.logs.StatusVersion(i) {
			r.tellStep(step)
		}
	}
}
