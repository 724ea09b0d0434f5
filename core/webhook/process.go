package webhook

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// process creates the executions of a stored delivery and stores what came of it. It
// may be done again, by several at once. unsure says that somebody may have begun. An
// error means that it has to be done again.
func (s *Service) process(ctx context.Context, d *core.Delivery, unsure bool) (*core.Delivery, error) {
	started := 0
	for i := range d.Targets {
		t := &d.Targets[i]
		if t.Error == "" {
			if err := s.start(ctx, d, t, unsure); err != nil {
				return d, err
			}
		}
		if t.Error == "" {
			started++
		} else {
			d.Reason = t.Error
		}
	}
	d.Status = core.DeliveryTriggered
	if started == 0 {
		d.Status = core.DeliveryFailed
	}
	err := s.Store.UpdateDelivery(ctx, d)
	if core.CodeOf(err) == core.CodeConflict { // somebody else was quicker, and came to the same
		return s.Store.Delivery(ctx, d.ID)
	}
	return d, err
}

// start creates the execution of one target. What no repetition mends is the target's
// error; what one may mend is returned.
func (s *Service) start(ctx context.Context, d *core.Delivery, t *core.DeliveryTarget, unsure bool) error {
	if unsure {
		// Also when the pipeline would not let it start any more.
		if _, err := s.Store.Execution(ctx, t.ExecutionID); core.CodeOf(err) != core.CodeNotFound {
			return err
		}
	}
	_, err := s.Trigger.Trigger(ctx, core.TriggerRequest{PipelineID: t.PipelineID, ExecutionID: t.ExecutionID, Info: infoOf(d, t)})
	switch core.CodeOf(err) {
	case "":
		return nil
	case core.CodeInternal, core.CodeUnavailable, core.CodeTimeout, core.CodeExternal:
		return err
	}
	t.Error = line(err.Error())
	return nil
}

// infoOf says why an execution exists.
func infoOf(d *core.Delivery, t *core.DeliveryTarget) core.TriggerInfo {
	e := d.Occurred
	info := core.TriggerInfo{Type: t.Type, TriggeredBy: d.Connector + " " + d.Event, CommitHash: e.Commit, Branch: e.Branch, Tag: e.Tag,
		Repository: e.Repository, Connector: d.Connector, DeliveryID: d.ID, Variables: map[string]string{}}
	if e.Author != "" {
		info.TriggeredBy += " by " + e.Author
	}
	if e.ChangedPathsKnown {
		info.ChangedPaths = e.ChangedPaths
	}
	set := func(name, value string) {
		if value != "" {
			info.Variables["CI_"+name] = value
		}
	}
	for name, value := range e.Variables {
		set(name, value)
	}
	set("WEBHOOK_EVENT", d.Event)
	set("DELIVERY_ID", d.ID)
	set("REPOSITORY_URL", e.RepositoryURL)
	set("COMMIT_TITLE", e.Title)
	set("COMMIT_MESSAGE", e.Message)
	set("COMMIT_AUTHOR", e.Author)
	if p := e.PullRequest; p != nil {
		set("PULL_REQUEST", strconv.FormatInt(p.Number, 10))
		set("PULL_REQUEST_ACTION", p.Action)
		set("PULL_REQUEST_TITLE", e.Title)
		set("SOURCE_BRANCH", p.SourceBranch)
		set("SOURCE_REPOSITORY", p.SourceRepository)
		set("TARGET_BRANCH", e.Branch)
	}
	return info
}

// again has Run look for deliveries that are left over.
func (s *Service) again() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Times of Run.
const (
	// lookAfter is how often deliveries are looked for that are left over.
	lookAfter = time.Minute
	// retryAfter is how long to wait when one could not be worked on.
	retryAfter = 2 * time.Second
	// leftOver is how old a delivery is before Run takes it for one that nobody is at.
	leftOver   = time.Second
	pruneAfter = time.Hour
)

// Run does what is left over from before, goes on with what could not be done at once,
// and removes old deliveries, until ctx ends. It is called once.
func (s *Service) Run(ctx context.Context) {
	pruned := time.Time{}
	for age := time.Duration(0); ; age = leftOver {
		wait := lookAfter
		if err := s.resume(ctx, time.Now().Add(-age)); err != nil {
			if ctx.Err() == nil {
				s.Logger.Error("a delivery is left to be worked on; trying again", "error", err)
			}
			wait = retryAfter
		}
		if time.Since(pruned) >= pruneAfter {
			pruned = time.Now()
			s.prune(ctx)
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.wake:
			timer.Reset(retryAfter)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// resume works on what was stored before a time and is not done. All are tried; the
// error is one of those that could not be.
func (s *Service) resume(ctx context.Context, before time.Time) error {
	filter := core.DeliveryFilter{Status: core.DeliveryReceived, Page: core.Page{Limit: core.MaxPageLimit}}
	var failed error
	for {
		list, err := s.Store.Deliveries(ctx, filter)
		if err != nil {
			return err
		}
		for _, d := range list {
			if d.ReceivedAt.After(before) {
				continue
			}
			if _, err := s.process(ctx, d, true); err != nil {
				failed = fmt.Errorf("delivery %s: %w", d.ID, err)
			} else {
				s.Logger.Info("a delivery that was left over is done", "delivery", d.ID, "connector", d.Connector, "sender_id", d.SenderID)
			}
		}
		if len(list) < filter.Page.Limit {
			return failed
		}
		filter.Page.After = list[len(list)-1].ID
	}
}

func (s *Service) prune(ctx context.Context) {
	n, err := s.Store.PruneDeliveries(ctx, core.DeliveryBounds{Before: time.Now().Add(-s.Limits.Age),
		Count: s.Limits.Count, Bytes: s.Limits.Bytes, Refused: maxRefused})
	if err != nil && ctx.Err() == nil {
		s.Logger.Error("old deliveries cannot be removed", "error", err)
	}
	if n > 0 {
		s.Logger.Debug("old deliveries are removed", "count", n)
	}
}
