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
		c.Events, c.Options = slices.Clone(c.Events), slices.Clone(c.Options)
		c.Paths, c.IgnorePaths = slices.Clone(c.Paths), slices.Clone(c.IgnorePaths)
	}
	s.Stages = slices.Clone(s.Stages)
	for i := range s.Stages {
		copyStage(&s.Stages[i])
	}
	s.Environment, s.RetryCount = maps.Clone(s.Environment), clone(s.RetryCount)
	s.Concurrency, s.Params = clone(s.Concurrency), slices.Clone(s.Params)
	for i := range s.Params {
		p := &s.Params[i]
		p.Default, p.Choices, p.Min, p.Max = clone(p.Default), slices.Clone(p.Choices), clone(p.Min), clone(p.Max)
	}
	if s.Notifications = clone(s.Notifications); s.Notifications != nil {
		n := s.Notifications
		n.OnStart, n.OnSuccess, n.OnFailure = copyTargets(n.OnStart), copyTargets(n.OnSuccess), copyTargets(n.OnFailure)
		n.OnCancel, n.OnFinish = copyTargets(n.OnCancel), copyTargets(n.OnFinish)
	}
	return s
}

// copyStage makes s, which is a copy already, share nothing.
func copyStage(s *core.Stage) {
	s.Environment, s.RetryCount = maps.Clone(s.Environment), clone(s.RetryCount)
	s.DependsOn = slices.Clone(s.DependsOn)
	s.Matrix, s.Concurrency = copyMatrix(s.Matrix), clone(s.Concurrency)
	s.When, s.Approval = copyWhen(s.When), copyApprovalSpec(s.Approval)
	s.Steps = slices.Clone(s.Steps)
	for i := range s.Steps {
		step := &s.Steps[i]
		step.Config, step.Environment, step.RetryCount = slices.Clone(step.Config), maps.Clone(step.Environment), clone(step.RetryCount)
		step.DependsOn, step.Secrets = slices.Clone(step.DependsOn), slices.Clone(step.Secrets)
		step.Outputs, step.Artifacts, step.Cache = slices.Clone(step.Outputs), slices.Clone(step.Artifacts), slices.Clone(step.Cache)
		for j := range step.Artifacts {
			step.Artifacts[j].Paths = slices.Clone(step.Artifacts[j].Paths)
		}
		for j := range step.Cache {
			c := &step.Cache[j]
			c.Paths, c.RestoreKeys = slices.Clone(c.Paths), slices.Clone(c.RestoreKeys)
		}
		step.When, step.Approval = copyWhen(step.When), copyApprovalSpec(step.Approval)
		step.Hooks = copyHooks(step.Hooks)
	}
}

func copyHooks(h *core.Hooks) *core.Hooks {
	if h = clone(h); h == nil {
		return nil
	}
	for _, list := range []*[]core.Hook{&h.Pre, &h.OnSuccess, &h.OnFailure, &h.Post} {
		*list = slices.Clone(*list)
		for i := range *list {
			hook := &(*list)[i]
			hook.Config, hook.Environment = slices.Clone(hook.Config), maps.Clone(hook.Environment)
			hook.Secrets = slices.Clone(hook.Secrets)
		}
	}
	return h
}

func copyMatrix(m *core.Matrix) *core.Matrix {
	if m = clone(m); m == nil {
		return nil
	}
	m.Axes, m.FailFast = slices.Clone(m.Axes), clone(m.FailFast)
	for i := range m.Axes {
		m.Axes[i].Values = slices.Clone(m.Axes[i].Values)
	}
	m.Include, m.Exclude = slices.Clone(m.Include), slices.Clone(m.Exclude)
	for _, list := range [][]map[string]string{m.Include, m.Exclude} {
		for i := range list {
			list[i] = maps.Clone(list[i])
		}
	}
	return m
}

func copyWhen(w *core.When) *core.When {
	if w = clone(w); w == nil {
		return nil
	}
	w.Paths, w.IgnorePaths = slices.Clone(w.Paths), slices.Clone(w.IgnorePaths)
	w.Branches, w.Tags, w.Events = slices.Clone(w.Branches), slices.Clone(w.Tags), slices.Clone(w.Events)
	return w
}

func copyApprovalSpec(a *core.ApprovalSpec) *core.ApprovalSpec {
	if a = clone(a); a != nil {
		a.Approvers = slices.Clone(a.Approvers)
	}
	return a
}

func copyTargets(targets []core.NotificationTarget) []core.NotificationTarget {
	targets = slices.Clone(targets)
	for i := range targets {
		targets[i].Config = maps.Clone(targets[i].Config)
	}
	return targets
}

func copyExecution(e core.Execution) core.Execution {
	e.Environment, e.Params = maps.Clone(e.Environment), maps.Clone(e.Params)
	e.SecretEnvironment = slices.Clone(e.SecretEnvironment)
	e.Retry, e.Concurrency = clone(e.Retry), clone(e.Concurrency)
	e.Trigger.ChangedPaths = slices.Clone(e.Trigger.ChangedPaths)
	e.Trigger.Variables = maps.Clone(e.Trigger.Variables)
	e.StartedAt, e.FinishedAt = clone(e.StartedAt), clone(e.FinishedAt)
	return e
}

func copyStepRun(r core.StepRun) core.StepRun {
	r.Outputs, r.CacheKeys = maps.Clone(r.Outputs), slices.Clone(r.CacheKeys)
	if r.Approval = clone(r.Approval); r.Approval != nil {
		a := r.Approval
		a.Approvers, a.Approved = slices.Clone(a.Approvers), clone(a.Approved)
		a.Deadline, a.DecidedAt = clone(a.Deadline), clone(a.DecidedAt)
	}
	r.StartedAt, r.FinishedAt = clone(r.StartedAt), clone(r.FinishedAt)
	r.Attempts = slices.Clone(r.Attempts)
	for i := range r.Attempts {
		copyAttempt(&r.Attempts[i])
	}
	r.Ending, r.Hooks = clone(r.Ending), slices.Clone(r.Hooks)
	for i := range r.Hooks {
		r.Hooks[i] = clone(r.Hooks[i])
		copyAttempt(&r.Hooks[i].Attempt)
	}
	return r
}

// copyAttempt makes a, which is a copy already, share nothing.
func copyAttempt(a *core.Attempt) {
	a.ExitCode, a.FinishedAt = clone(a.ExitCode), clone(a.FinishedAt)
	a.State, a.Metadata = slices.Clone(a.State), maps.Clone(a.Metadata)
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	copied := *p
	return &copied
}
