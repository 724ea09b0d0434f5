// Package ratelimit counts requests in memory. Each key has a bucket (the generic cell
// rate algorithm): as many as the limit may come at once, and then one whenever its
// share of the time has passed.
package ratelimit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Rate is so many in a time. The zero value is no limit.
type Rate struct {
	Limit int64
	Per   time.Duration
}

// maxLimit bounds Rate.Limit, so that a share of the time is never nothing.
const maxLimit = 1_000_000

// ParseRate reads "1000/h", "100/m", "5/s" or "20/15m"; "off" is no limit.
func ParseRate(text string) (Rate, error) {
	text = strings.TrimSpace(text)
	if text == "off" {
		return Rate{}, nil
	}
	count, per, _ := strings.Cut(text, "/")
	limit, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
	if per = strings.TrimSpace(per); per != "" && (per[0] < '0' || per[0] > '9') {
		per = "1" + per
	}
	duration, durationErr := time.ParseDuration(per)
	if err != nil || durationErr != nil || limit < 1 || limit > maxLimit || duration < time.Second || duration > 24*time.Hour {
		return Rate{}, fmt.Errorf("%q is no rate; write it like 1000/h, 100/m or 20/15m (1 to %d in one second to 24 hours), or off", text, maxLimit)
	}
	return Rate{limit, duration}, nil
}

// String writes a rate as ParseRate reads it.
func (r Rate) String() string {
	if r.Limit == 0 {
		return "off"
	}
	return fmt.Sprintf("%d/%s", r.Limit, r.Per)
}

// maxKeys bounds what is remembered. When more places ask at a time, some begin anew.
const maxKeys = 100_000

// Limiter implements core.RateLimiter in the memory of one node.
type Limiter struct {
	rate Rate
	// share is the time after which the next one may come.
	share time.Duration
	now   func() time.Time

	mu sync.Mutex
	// full says when the bucket of a key will be full again; one that is missing is
	// full.
	full map[string]time.Time
}

var _ core.RateLimiter = (*Limiter)(nil)

// New makes a Limiter, or nil for no limit. now may be nil.
func New(rate Rate, now func() time.Time) *Limiter {
	if rate.Limit == 0 {
		return nil
	}
	if now == nil {
		now = time.Now
	}
	return &Limiter{rate: rate, share: rate.Per / time.Duration(rate.Limit), now: now, full: map[string]time.Time{}}
}

// Take implements core.RateLimiter. One that is refused is not counted: who waits for
// as long as they were told gets in.
func (l *Limiter) Take(_ context.Context, key string) (core.RateState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	state := l.state(now, key)
	if !state.Allowed {
		return state, nil
	}
	full, known := l.full[key]
	if !known {
		l.makeRoom(now)
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.share)
	l.full[key] = full
	state.Remaining--
	state.Reset = full
	return state, nil
}

// Left implements core.RateLimiter.
func (l *Limiter) Left(_ context.Context, key string) (core.RateState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state(l.now(), key), nil
}

// state is what is left of a key's bucket.
func (l *Limiter) state(now time.Time, key string) core.RateState {
	missing := max(l.full[key].Sub(now), 0)
	taken := int64((missing + l.share - 1) / l.share)
	state := core.RateState{Limit: l.rate.Limit, Per: l.rate.Per, Remaining: max(l.rate.Limit-taken, 0), Reset: now.Add(missing)}
	if state.Allowed = state.Remaining > 0; !state.Allowed {
		// The next one may come when a whole share is free.
		state.Reset = l.full[key].Add(-l.share * time.Duration(l.rate.Limit-1))
	}
	return state
}

// makeRoom forgets keys whose buckets are full, and if that is not enough, any one.
func (l *Limiter) makeRoom(now time.Time) {
	if len(l.full) < maxKeys {
		return
	}
	const most = 100 // so that no request takes long
	looked := 0
	for key, full := range l.full {
		if looked++; !full.After(now) || looked == most {
			delete(l.full, key)
		}
		if looked == most {
			return
		}
	}
}
