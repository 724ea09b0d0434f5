package pluginhost

import (
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// limits are the host's tempers. They are not options: nobody should need them.
type limits struct {
	// crashWindow is how long a crash is remembered, crashLimit how many of them
	// make a crash loop, quarantine for how long launches are refused then.
	crashWindow time.Duration
	crashLimit  int
	quarantine  time.Duration
	// backOff is the wait before the launch after the second crash; it doubles
	// with each further one up to backOffMax. After one crash there is none.
	backOff, backOffMax time.Duration
	// unusedTimeout is the idle time of a process that nobody has used yet.
	unusedTimeout time.Duration
	// brokenRetry is when a connector that could not be launched is described
	// again although its file is the same: the machine may have been busy.
	brokenRetry time.Duration
	// idleGrace and busyGrace bound the graceful end of a process. In use, it may
	// have to cancel the steps of a host that does not come back.
	idleGrace, busyGrace time.Duration
}

func defaultLimits() limits {
	return limits{crashWindow: time.Minute, crashLimit: 5, quarantine: time.Minute,
		backOff: 100 * time.Millisecond, backOffMax: 5 * time.Second,
		unusedTimeout: 10 * time.Second, brokenRetry: time.Minute,
		idleGrace: 2 * time.Second, busyGrace: sdk.DisconnectGrace + 2*time.Second}
}

func (l limits) stopGrace(inUse bool) time.Duration {
	if inUse {
		return l.busyGrace
	}
	return l.idleGrace
}

// crashes remembers how often one binary crashed of late. A replaced binary
// begins with a clean sheet.
type crashes struct {
	identity identity
	times    []time.Time
	last     string // how it ended the last time
}

// add notes a crash.
func (c *crashes) add(id identity, at time.Time, how string) {
	if c.identity != id {
		*c = crashes{identity: id}
	}
	c.times = append(c.times, at)
	c.last = how
}

// admit says how long to wait before the next launch, or that there is to be none
// for now.
func (c *crashes) admit(name string, id identity, at time.Time, l limits) (time.Duration, error) {
	if c.identity != id {
		*c = crashes{identity: id}
		return 0, nil
	}
	if n := len(c.times); n >= l.crashLimit {
		release := c.times[n-1].Add(l.quarantine)
		if at.Before(release) {
			return 0, &refusal{&sdk.Error{Class: sdk.ClassInternal,
				Message: "connector " + name + " keeps crashing and is in quarantine until " +
					release.Format(time.TimeOnly) + "; the last time: " + c.last,
				Suggestion: "replace its binary to have it tried at once"}}
		}
		c.times = nil
	}
	for len(c.times) > 0 && at.Sub(c.times[0]) > l.crashWindow {
		c.times = c.times[1:]
	}
	if len(c.times) < 2 {
		return 0, nil
	}
	return min(l.backOff<<(len(c.times)-2), l.backOffMax), nil
}
