package api

import "github.com/patchbay-ci/patchbay/core"

// hookViews shows the runs of a step's hooks; nil for none.
func hookViews(runs []*core.HookRun) *[]StepHook {
	if len(runs) == 0 {
		return nil
	}
	views := make([]StepHook, 0, len(runs))
	for _, run := range runs {
		a := &run.Attempt
		views = append(views, StepHook{Phase: StepHookPhase(run.Phase), Name: some(run.Name), Connector: run.Connector,
			Status: Status(a.Status), Allowed: some(run.Allowed), Message: some(a.Message), Attempt: a.Number, ExitCode: a.ExitCode,
			Signal: some(a.Signal), StartedAt: a.StartedAt, FinishedAt: a.FinishedAt, Duration: seconds(&a.StartedAt, a.FinishedAt)})
	}
	return &views
}

// addHookOutput adds the end of what each hook said, by the number of its attempt.
func addHookOutput(views *[]StepHook, of func(attempt int) (stdout, stderr *string)) {
	if views == nil {
		return
	}
	for i := range *views {
		view := &(*views)[i]
		if !core.HookPhase(view.Phase).OfConnector() {
			view.Stdout, view.Stderr = of(view.Attempt)
		}
	}
}
