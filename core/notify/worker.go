package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

const (
	// pageSize is how many are looked at in one round.
	pageSize = 200
	// maxWait bounds the worker's sleep: the clock may be set.
	maxWait = time.Minute
	// busyDelay is how much later one is due whose target is busy.
	busyDelay = 2 * time.Second
	// drainLimit is what is being sent gets to come to its end when the server stops.
	drainLimit = 5 * time.Second
)

// Run sends what is in the outbox until ctx is done. What is being sent then has a
// moment to be answered; what is cut off is sent by the next Run.
func (s *Service) Run(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for ctx.Err() == nil {
		wait, err := s.round(ctx, sending)
		if err != nil && ctx.Err() == nil {
			s.log.Error("notifications cannot be read; trying again", "error", err)
			wait = 5 * time.Second
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
	timer := time.AfterFunc(drainLimit, cancel)
	defer timer.Stop()
	s.senders.Wait()
}

// round begins to send what is due, and returns how long nothing else is.
func (s *Service) round(ctx, sending context.Context) (time.Duration, error) {
	list, err := s.options.Store.PendingNotifications(ctx, pageSize)
	if err != nil {
		return 0, err
	}
	moved := false
	for _, n := range list {
		if wait := time.Until(n.NextAt); wait > 0 {
			return min(wait, maxWait), nil
		}
		switch s.claim(n) {
		case full:
			return maxWait, nil // the end of one wakes the worker
		case busy:
			moved = true
			n.NextAt = time.Now().UTC().Add(jitter(busyDelay))
			if err := s.options.Store.UpdateNotification(ctx, n); err != nil && core.CodeOf(err) != core.CodeConflict {
				return 0, err
			}
		case claimed:
			s.senders.Go(func() {
				s.deliver(sending, n)
				s.release(n)
				s.wake()
			})
		}
	}
	if moved && len(list) == pageSize {
		return 0, nil
	}
	return maxWait, nil
}

type claim int

const (
	claimed claim = iota
	known         // it is being sent
	busy          // its target has enough to do
	full          // the worker has
)

// lane is what is sent to by few at a time. The reports on one run to a forge go one
// after the other, so that the last word is the last.
func lane(n *core.Notification) (key string, most int) {
	if isForge(core.NotificationTarget{Type: n.TargetType}) {
		return n.TargetType + " of " + n.ExecutionID, 1
	}
	return n.TargetType + " " + n.Target, maxSameTarget
}

func (s *Service) claim(n *core.Notification) claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, most := lane(n)
	switch {
	case s.sending[n.ID]:
		return known
	case len(s.sending) >= maxSending:
		return full
	case s.targets[key] >= most:
		return busy
	}
	s.sending[n.ID] = true
	s.targets[key]++
	return claimed
}

func (s *Service) release(n *core.Notification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, _ := lane(n)
	delete(s.sending, n.ID)
	if s.targets[key]--; s.targets[key] == 0 {
		delete(s.targets, key)
	}
}

// deliver makes one try and stores what came of it.
func (s *Service) deliver(ctx context.Context, n *core.Notification) {
	limited, cancel := context.WithTimeout(ctx, s.options.SendTimeout)
	err := s.try(limited, n)
	cancel()
	if ctx.Err() != nil && err != nil {
		return // cut off: the next start tries again
	}
	changed := *n
	s.settle(&changed, err, time.Now().UTC())
	switch changed.State {
	case core.NotificationSent:
		s.log.Debug("notification sent", "notification", n.ID, "target", n.TargetType)
	case core.NotificationFailed:
		s.log.Warn("a notification could not be sent", "notification", n.ID, "target", n.TargetType, "error", changed.LastError)
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := s.options.Store.UpdateNotification(ctx, &changed)
		if err == nil || core.CodeOf(err) == core.CodeConflict || core.CodeOf(err) == core.CodeNotFound || ctx.Err() != nil {
			return
		}
		// Whoever lets go now sends it again at once, and again.
		s.log.Error("what became of a notification cannot be stored; trying again", "notification", n.ID, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// settle puts the outcome of a try into n.
func (s *Service) settle(n *core.Notification, err error, now time.Time) {
	n.UpdatedAt = now
	var f *failure
	switch {
	case err == nil:
		n.State, n.LastError, n.SentAt = core.NotificationSent, "", &now
		n.Attempts++
		return
	case !errors.As(err, &f):
		f = &failure{text: err.Error()}
	}
	n.LastError = short(f.text)
	switch {
	case f.early:
		n.LastError = ""
		n.NextAt = now.Add(jitter(max(now.Sub(n.CreatedAt)/2, 50*time.Millisecond)))
		if limit := now.Add(maxWait); n.NextAt.After(limit) {
			n.NextAt = limit
		}
	case f.skip:
		n.State = core.NotificationSkipped
	default:
		n.Attempts++
		if f.permanent || n.Attempts >= MaxAttempts {
			n.State = core.NotificationFailed
			return
		}
		n.NextAt = now.Add(max(f.after, s.backOff(n.Attempts)))
	}
}

// backOff is the pause after so many tries.
func (s *Service) backOff(attempts int) time.Duration {
	pause := s.options.RetryDelay << min(attempts-1, 16)
	return jitter(min(pause, maxRetryDelay))
}

// jitter spreads what would come back all at once: by a fifth to both sides.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(max(d*2/5, 1))
}
