package api

import (
	"encoding/json"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// executionView shows an execution: the spec's stages and steps, with what is stored
// of them.
func executionView(e *core.Execution, spec *core.Spec, stored []*core.StepRun) Execution {
	runs := map[int]*core.StepRun{}
	for _, run := range stored {
		runs[run.Index] = run
	}
	stages := make([]Stage, 0, len(spec.Stages))
	index := 0
	for i := range spec.Stages {
		stage := Stage{Name: spec.Stages[i].Name, Steps: []Step{}}
		var members []*core.StepRun
		for j := range spec.Stages[i].Steps {
			run := runs[index]
			if run == nil {
				run = &core.StepRun{Name: spec.Stages[i].Steps[j].Name, Status: core.StatusPending}
			}
			stage.Steps = append(stage.Steps, stepView(&spec.Stages[i].Steps[j], run))
			members = append(members, run)
			index++
		}
		stage.Status = Status(stageStatus(members))
		stage.StartedAt, stage.FinishedAt = span(members)
		stage.Duration = seconds(stage.StartedAt, stage.FinishedAt)
		stages = append(stages, stage)
	}
	environment, artifacts := e.Environment, []map[string]any{}
	if environment == nil {
		environment = map[string]string{}
	}
	return Execution{Id: e.ID, PipelineId: e.PipelineID, PipelineName: e.PipelineName, Revision: e.Revision, Number: e.Number,
		Status: Status(e.Status), Reason: some(e.Reason), Stages: &stages, Environment: &environment, Artifacts: &artifacts,
		TriggerInfo: TriggerInfo{TriggerType: string(e.Trigger.Type), TriggeredBy: some(e.Trigger.TriggeredBy),
			CommitHash: some(e.Trigger.CommitHash), Branch: some(e.Trigger.Branch), Tag: some(e.Trigger.Tag), Repository: some(e.Trigger.Repository)},
		StartedAt: e.StartedAt, FinishedAt: e.FinishedAt, Duration: seconds(e.StartedAt, e.FinishedAt),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt}
}

func stepView(spec *core.Step, run *core.StepRun) Step {
	view := Step{Name: run.Name, Status: Status(run.Status), Connector: spec.Connector, Command: some(commandOf(spec.Config)),
		Reason: some(run.Reason), Allowed: some(run.Allowed), Attempts: len(run.Attempts), StartedAt: run.StartedAt,
		FinishedAt: run.FinishedAt, Duration: seconds(run.StartedAt, run.FinishedAt)}
	if n := len(run.Attempts); n > 0 {
		view.ExitCode, view.Signal = run.Attempts[n-1].ExitCode, some(run.Attempts[n-1].Signal)
	}
	if len(run.Outputs) > 0 {
		view.Outputs = &run.Outputs
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
// soon as anything has begun.
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
