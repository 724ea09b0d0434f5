package memory

import (
	"maps"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// The copies here are written out, and not made through JSON, because `patchbay run`
// pays for them at every change of a step. storetest fails when a field is forgotten.

func copyRevision(r core.PipelineRevision) core.PipelineRevision {
	r.Spec = copySpec(r.Spec)
	return r
}

func copySpec(from *core.Spec) *core.Spec {
	s := clone(from)
	if s == nil {
		return nil
	}
	s.Triggers = slices.Clone(s.Triggers)
	for i := range s.Triggers {
		c := &s.Triggers[i].Config
		c.BranchPatterns, c.TagPatterns = slices.Clone(c.BranchPatterns), slices.Clone(c.TagPatterns)
		c.Events = slices.Clone(c.Events)
	}
	s.Stages = slices.Clone(s.Stages)
	for i := range s.Stages {
		copyStage(&s.Stages[i])
	}
	s.Environment, s.RetryCount = maps.Clone(s.Environment), clone(s.RetryCount)
	if s.Notifications = clone(s.Notifications); s.Notifications != nil {
		n := s.Notifications
		n.OnStart, n.OnSuccess, n.OnFailure = copyTargets(n.OnStart), copyTargets(n.OnSuccess), copyTargets(n.OnFailure)
	}
	return s
}

// copyStage makes s, which is a copy already, share nothing.
func copyStage(s *core.Stage) {
	s.Environment, s.RetryCount = maps.Clone(s.Environment), clone(s.RetryCount)
	s.DependsOn = slices.Clone(s.DependsOn)
	s.Matrix, s.Concurrency = slices.Clone(s.Matrix), slices.Clone(s.Concurrency)
	s.Steps = slices.Clone(s.Steps)
	for i := range s.Steps {
		step := &s.Steps[i]
		step.Config, step.Environment, step.RetryCount = slices.Clone(step.Config), maps.Clone(step.Environment), clone(step.RetryCount)
		step.DependsOn, step.Secrets = slices.Clone(step.DependsOn), slices.Clone(step.Secrets)
		step.Outputs, step.Artifacts, step.Cache = slices.Clone(step.Outputs), slices.Clone(step.Artifacts), slices.Clone(step.Cache)
	}
}

func copyTargets(targets []core.NotificationTarget) []core.NotificationTarget {
	targets = slices.Clone(targets)
	for i := range targets {
		targets[i].Config = maps.Clone(targets[i].Config)
	}
	return targets
}

func copyExecution(e core.Execution) core.Execution {
	e.Environment = maps.Clone(e.Environment)
	e.StartedAt, e.FinishedAt = clone(e.StartedAt), clone(e.FinishedAt)
	return e
}

func copyStepRun(r core.StepRun) core.StepRun {
	r.Outputs = maps.Clone(r.Outputs)
	r.StartedAt, r.FinishedAt = clone(r.StartedAt), clone(r.FinishedAt)
	r.Attempts = slices.Clone(r.Attempts)
	for i := range r.Attempts {
		a := &r.Attempts[i]
		a.ExitCode, a.FinishedAt = clone(a.ExitCode), clone(a.FinishedAt)
		a.State, a.Metadata = slices.Clone(a.State), maps.Clone(a.Metadata)
	}
	return r
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	copied := *p
	return &copied
}
