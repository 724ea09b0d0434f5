package notify

import (
	"context"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// message is one notification, ready to be sent.
type message struct {
	*core.Notification
	execution *core.Execution
	// failed are the steps that made the run fail, at most maxFailed.
	failed []*core.StepRun
	link   string
	// config has the target's texts with everything in its place; secrets are those
	// that are in it.
	config  map[string]string
	secrets map[string]string
	// subject is one line; text is the message of the file, or the default.
	subject, text string
}

// maxFailed is how many failed steps a message names.
const maxFailed = 10

// try makes the message of a notification and sends it. The error is a *failure.
func (s *Service) try(ctx context.Context, n *core.Notification) error {
	m := &message{Notification: n}
	var err error
	if m.execution, err = s.options.Store.Execution(ctx, n.ExecutionID); err != nil {
		if core.CodeOf(err) == core.CodeNotFound && time.Since(n.CreatedAt) > time.Minute {
			return skipped("the execution was never stored")
		}
		return s.notYet(err)
	}
	wanted, err := s.notifications(ctx, m.execution)
	if err != nil {
		return s.notYet(err)
	}
	target, err := targetOf(n, wanted)
	if err != nil {
		return err
	}
	if err := timely(n, m.execution, wanted); err != nil {
		return err
	}
	if n.Event == core.NotifyFailure {
		steps, err := s.options.Store.StepRuns(ctx, n.ExecutionID)
		if err != nil {
			return s.notYet(err)
		}
		m.failed = failedOf(steps)
	}
	m.link = s.link(m.execution)
	if err := s.fill(ctx, m, target); err != nil {
		return err
	}
	switch n.TargetType {
	case core.TargetWebhook:
		err = s.sendWebhook(ctx, m)
	case core.TargetSlack:
		err = s.sendSlack(ctx, m)
	case core.TargetEmail:
		err = s.sendEmail(ctx, m)
	default:
		err = s.sendStatus(ctx, m)
	}
	return m.masked(err)
}

// masked hides the secrets of a message in an error.
func (m *message) masked(err error) error {
	f, ok := err.(*failure)
	if !ok {
		return err
	}
	clean := *f
	clean.text = hide(f.text, m.secrets)
	return &clean
}

// notYet is a store in trouble: no try was made.
func (s *Service) notYet(err error) error {
	if core.CodeOf(err) != core.CodeNotFound {
		s.log.Error("a notification cannot be made; trying again", "error", err)
	}
	return &failure{early: true, text: err.Error()}
}

// targetOf returns the target of a notification from the pipeline's file.
func targetOf(n *core.Notification, wanted *core.Notifications) (core.NotificationTarget, error) {
	if n.List == core.ForgeList {
		return core.NotificationTarget{Type: n.TargetType}, nil
	}
	for _, p := range placesOf(wanted, n.Event) {
		if p.list == n.List && p.index == n.Index {
			return p.target, nil
		}
	}
	return core.NotificationTarget{}, skipped("the pipeline has no such target")
}

// timely says of a message that came too early or too late. A report to a forge that a
// later one has overtaken would be the last word there, and wrong.
func timely(n *core.Notification, e *core.Execution, wanted *core.Notifications) error {
	ended := core.EndEvent(e.Status)
	overtaken := func(by core.NotificationEvent) error {
		if n.List == core.ForgeList || isForge(core.NotificationTarget{Type: n.TargetType}) &&
			slices.ContainsFunc(placesOf(wanted, by), func(p place) bool { return p.target.Type == n.TargetType }) {
			return skipped("overtaken: the run went on to %s before this was reported", e.Status)
		}
		return nil
	}
	switch {
	case n.Event == core.NotifyPending && e.StartedAt != nil:
		return overtaken(core.NotifyStart)
	case n.Event == core.NotifyPending:
		return nil
	case n.Event == core.NotifyStart && e.StartedAt == nil && ended == "":
		return &failure{early: true}
	case n.Event == core.NotifyStart && e.StartedAt == nil:
		return skipped("the run never started")
	case n.Event == core.NotifyStart && ended != "":
		return overtaken(ended)
	case n.Event == core.NotifyStart:
		return nil
	case ended == "":
		return &failure{early: true}
	case ended != n.Event:
		return skipped("the run ended otherwise: %s", e.Status)
	}
	return nil
}

func failedOf(steps []*core.StepRun) []*core.StepRun {
	var failed []*core.StepRun
	for _, step := range steps {
		if (step.Status == core.StatusFailed || step.Status == core.StatusTimeout) && !step.Allowed && len(failed) < maxFailed {
			failed = append(failed, step)
		}
	}
	return failed
}

// duration is how long a run took; 0 for one that never began or has not ended.
func duration(e *core.Execution) time.Duration {
	if e.StartedAt == nil || e.FinishedAt == nil {
		return 0
	}
	return e.FinishedAt.Sub(*e.StartedAt)
}
