package api

import (
	"encoding/json"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// executionView shows an execution: the plan's stages and steps, with what is stored
// of them.
func executionView(e *core.Execution, compiled *plan.Plan, stored []*core.StepRun) Execution {
	stages := stageViews(compiled, stored)
	environment := e.Environment
	if environment == nil {
		environment = map[string]string{}
	}
	view := Execution{Id: e.ID, PipelineId: e.PipelineID, PipelineName: e.PipelineName, Revision: e.Revision, Number: e.Number,
		Status: Status(e.Status), Reason: some(e.Reason), Stages: &stages, Environment: &environment, Artifacts: &[]Artifact{},
		Priority: some(e.Priority), CancelRequested: some(e.CancelRequested), TriggerInfo: triggerView(e.Trigger),
		StartedAt: e.StartedAt, FinishedAt: e.FinishedAt, Duration: seconds(e.StartedAt, e.FinishedAt),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt}
	view.SecretEnvironment = listed(e.SecretEnvironment)
	if len(e.Params) > 0 {
		view.Params = &e.Params
	}
	if e.Concurrency != nil {
		view.ConcurrencyGroup = &e.Concurrency.Group
	}
	if e.Retry != nil {
		view.Retry = &Retry{Of: e.Retry.Of, Mode: RetryMode(e.Retry.Mode)}
		if e.Retry.Mode == core.RetryStep {
			name := newStepNames(compiled).of(e.Retry.Step)
			view.Retry.Stage, view.Retry.Step = some(name.stage), some(name.step)
		}
	}
	return view
}

func triggerView(t core.TriggerInfo) TriggerInfo {
	view := TriggerInfo{TriggerType: string(t.Type), TriggeredBy: some(t.TriggeredBy), CommitHash: some(t.CommitHash),
		Branch: some(t.Branch), Tag: some(t.Tag), Repository: some(t.Repository), DeliveryId: some(t.DeliveryID)}
	if t.Variables != nil {
		view.Variables = &t.Variables
	}
	if t.ChangedPaths != nil {
		view.ChangedPaths = &t.ChangedPaths
	}
	return view
}

// stageViews shows each instance of a stage as a stage.
func stageViews(compiled *plan.Plan, stored []*core.StepRun) []Stage {
	runs := make([]*core.StepRun, len(compiled.Nodes))
	for _, run := range stored {
		if run.Index >= 0 && run.Index < len(runs) {
			runs[run.Index] = run
		}
	}
	stages := make([]Stage, 0, len(compiled.Instances))
	for i := range compiled.Instances {
		instance := &compiled.Instances[i]
		stage := Stage{Name: instance.Name, Steps: make([]Step, 0, len(instance.Nodes))}
		if instance.Matrix != nil {
			stage.Matrix = &instance.Matrix
		}
		members := make([]*core.StepRun, 0, len(instance.Nodes))
		for _, index := range instance.Nodes {
			step := compiled.Nodes[index].Step
			if runs[index] == nil {
				runs[index] = &core.StepRun{Index: index, Name: step.Name, Status: core.StatusPending}
			}
			stage.Steps = append(stage.Steps, stepView(step, runs[index]))
			members = append(members, runs[index])
		}
		stage.Status = Status(stageStatus(members))
		stage.StartedAt, stage.FinishedAt = span(members)
		stage.Duration = seconds(stage.StartedAt, stage.FinishedAt)
		stages = append(stages, stage)
	}
	return stages
}

func stepView(spec *core.Step, run *core.StepRun) Step {
	view := Step{Index: run.Index, Name: run.Name, Status: Status(run.Status), Connector: spec.Connector, Command: some(commandOf(spec.Config)),
		Reason: some(run.Reason), Allowed: some(run.Allowed), Reused: some(run.Reused), Approval: approvalView(run.Approval),
		Attempts: len(run.Attempts), StartedAt: run.StartedAt, FinishedAt: run.FinishedAt, Duration: seconds(run.StartedAt, run.FinishedAt)}
	if n := len(run.Attempts); n > 0 {
		view.ExitCode, view.Signal = run.Attempts[n-1].ExitCode, some(run.Attempts[n-1].Signal)
		if told := run.Attempts[n-1].Metadata; len(told) > 0 {
			view.Metadata = &told
		}
	}
	if len(run.Outputs) > 0 {
		view.Outputs = &run.Outputs
	}
	view.Hooks = hookViews(run.Hooks)
	return view
}

func approvalView(a *core.Approval) *Approval {
	if a == nil {
		return nil
	}
	view := &Approval{Message: some(a.Message), RequestedAt: a.RequestedAt, Deadline: a.Deadline, Approved: a.Approved,
		By: some(a.By), Comment: some(a.Comment), DecidedAt: a.DecidedAt}
	if len(a.Approvers) > 0 {
		view.Approvers = &a.Approvers
	}
	return view
}

// commandOf is what RustCI's clients show as a step's command.
func commandOf(config json.RawMessage) string {
	var keys struct {
		Command any `json:"command"`
		Script  any `json:"script"`
	}
	if json.Unmarshal(config, &keys) != nil {
		return ""
	}
	for _, candidate := range []any{keys.Command, keys.Script} {
		if text, ok := candidate.(string); ok {
			return text
		}
	}
	return ""
}

// stageStatus sums up a stage: what is worst once nothing is left to do, running as
// soon as anything has begun, and waiting while all that goes on is a wait.
func stageStatus(runs []*core.StepRun) core.Status {
	count := map[core.Status]int{}
	for _, run := range runs {
		if run.Allowed {
			count[core.StatusSuccess]++
		} else {
			count[run.Status]++
		}
	}
	open := count[core.StatusPending] + count[core.StatusRunning] + count[core.StatusWaiting]
	switch {
	case count[core.StatusWaiting] > 0 && count[core.StatusRunning] == 0:
		return core.StatusWaiting
	case open == len(runs) && count[core.StatusRunning] == 0:
		return core.StatusPending
	case open > 0:
		return core.StatusRunning
	}
	for _, status := range []core.Status{core.StatusFailed, core.StatusTimeout, core.StatusCancelled, core.StatusSuccess} {
		if count[status] > 0 {
			return status
		}
	}
	return core.StatusSkipped
}

// span is from the first start to the last end; the end is missing while a step has
// none.
func span(runs []*core.StepRun) (from, to *time.Time) {
	done := true
	for _, run := range runs {
		if run.StartedAt != nil && (from == nil || run.StartedAt.Before(*from)) {
			from = run.StartedAt
		}
		if run.FinishedAt != nil && (to == nil || run.FinishedAt.After(*to)) {
			to = run.FinishedAt
		}
		done = done && run.Status.Terminal()
	}
	if !done {
		to = nil
	}
	return from, to
}

// seconds between two times, if both are there.
func seconds(from, to *time.Time) *float64 {
	if from == nil || to == nil {
		return nil
	}
	d := to.Sub(*from).Seconds()
	return &d
}
