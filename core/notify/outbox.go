package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Watch returns a store that puts notifications in the outbox as executions change: the
// one that whoever creates and runs executions is given.
func (s *Service) Watch(store core.Store) core.Store { return watched{store, s} }

// watched stores the notifications of a change before the change itself. What it has
// stored for a change that then does not happen is found out by the worker.
type watched struct {
	core.Store
	service *Service
}

// CreateExecution implements core.ExecutionStore.
func (w watched) CreateExecution(ctx context.Context, e *core.Execution) error {
	return w.around(ctx, e, core.NotifyPending, func() error { return w.Store.CreateExecution(ctx, e) })
}

// UpdateExecution implements core.ExecutionStore.
func (w watched) UpdateExecution(ctx context.Context, e *core.Execution) error {
	event := core.EndEvent(e.Status)
	if event == "" && e.StartedAt != nil && !w.service.hasTold(e.ID) {
		event = core.NotifyStart
	}
	if event == "" {
		return w.Store.UpdateExecution(ctx, e)
	}
	err := w.around(ctx, e, event, func() error { return w.Store.UpdateExecution(ctx, e) })
	if err == nil {
		w.service.setTold(e.ID, event == core.NotifyStart)
	}
	return err
}

func (w watched) around(ctx context.Context, e *core.Execution, event core.NotificationEvent, change func() error) error {
	stored, err := w.service.prepare(ctx, e, event)
	if err != nil {
		return err
	}
	err = change()
	if err == nil && stored > 0 {
		w.service.wake()
	}
	return err
}

// hasTold reports whether this process has stored that an execution began: it changes a
// few times more while it runs.
func (s *Service) hasTold(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told[id]
}

func (s *Service) setTold(id string, told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told {
		s.told[id] = true
	} else {
		delete(s.told, id)
	}
}

// prepare stores the notifications of an event, and returns how many there are. An error
// is one of the store, which the change itself would meet as well.
func (s *Service) prepare(ctx context.Context, e *core.Execution, event core.NotificationEvent) (int, error) {
	wanted, err := s.notifications(ctx, e)
	switch {
	case core.CodeOf(err) == core.CodeUnavailable || ctx.Err() != nil:
		return 0, err
	case err != nil:
		s.log.Error("nobody is notified: the pipeline's revision cannot be read", "execution", e.ID, "error", err)
		return 0, nil
	}
	places := placesOf(wanted, event)
	if s.reportsBack(ctx, e, wanted) {
		places = append(places, place{core.ForgeList, 0, core.NotificationTarget{Type: e.Trigger.Connector}})
	}
	now := time.Now().UTC()
	for _, p := range places {
		n := &core.Notification{ID: fmt.Sprintf("%s.%s.%s.%d", e.ID, p.list, event, p.index), ExecutionID: e.ID, PipelineID: e.PipelineID,
			Event: event, List: p.list, Index: p.index, TargetType: p.target.Type, Target: describe(p.target),
			State: core.NotificationPending, NextAt: now, CreatedAt: now, UpdatedAt: now}
		if err := s.options.Store.AddNotification(ctx, n); err != nil && core.CodeOf(err) != core.CodeConflict {
			return 0, err
		}
	}
	return len(places), nil
}

// place is a target in one of the lists of a pipeline.
type place struct {
	list   string
	index  int
	target core.NotificationTarget
}

// placesOf lists the targets of an event.
func placesOf(wanted *core.Notifications, event core.NotificationEvent) []place {
	var places []place
	add := func(list string, targets []core.NotificationTarget) {
		for i, target := range targets {
			places = append(places, place{list, i, target})
		}
	}
	switch event {
	case core.NotifyStart:
		add("on_start", wanted.OnStart)
	case core.NotifySuccess:
		add("on_success", wanted.OnSuccess)
	case core.NotifyFailure:
		add("on_failure", wanted.OnFailure)
	case core.NotifyCancel:
		add("on_cancel", wanted.OnCancel)
	}
	if event != core.NotifyPending && event != core.NotifyStart {
		add("on_finish", wanted.OnFinish)
	}
	return places
}

// isForge reports whether a target is a connector that reports the status of commits.
func isForge(target core.NotificationTarget) bool {
	return target.Type != core.TargetEmail && target.Type != core.TargetSlack && target.Type != core.TargetWebhook
}

// reportsBack reports whether the forge that started a run hears of it without being
// asked for in the file. Who names a forge there decides alone.
func (s *Service) reportsBack(ctx context.Context, e *core.Execution, wanted *core.Notifications) bool {
	if e.Trigger.Connector == "" || e.Trigger.CommitHash == "" || s.options.Connectors == nil {
		return false
	}
	for _, list := range [][]core.NotificationTarget{wanted.OnStart, wanted.OnSuccess, wanted.OnFailure, wanted.OnCancel, wanted.OnFinish} {
		if slices.ContainsFunc(list, isForge) {
			return false
		}
	}
	info, err := s.options.Connectors.Connector(ctx, e.Trigger.Connector)
	return err == nil && slices.Contains(info.Capabilities, string(sdk.CapabilityReportStatus))
}
