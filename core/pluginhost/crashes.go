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
	// with each further one up to backOffMax, or up to backOffKilled when the
	// connector was killed and did not crash by itself. After one there is none.
	backOff, backOffMax, backOffKilled time.Duration
	// wedged is how long a process that no longer answers may take to be gone.
	wedged time.Duration
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
		backOff: 100 * time.Millisecond, backOffMax: 5 * time.Second, backOffKilled: time.Second,
		wedged:        200 * time.Millisecond,
		unusedTimeout: 10 * time.Second, brokenRetry: time.Minute,
		idleGrace: 2 * time.Second, busyGrace: sdk.DisconnectGrace + 2*time.Second}
}

func (l limits) stopGrace(inUse bool) time.Duration {
	if inUse {
		return l.busyGrace
	}
	return l.idleGrace
}

// crash is one sudden end of a process.
type crash struct {
	at time.Time
	// killed says that somebody else did it, by SIGKILL: a person, or a machine that
	// was short of memory. The steps in its hands go on and have to be joined, so it
	// is no reason to refuse launches.
	killed bool
}

// crashes remembers how often one binary crashed of late. A replaced binary
// begins with a clean sheet.
type crashes struct {
	identity identity
	list     []*crash
	last     string // how it ended the last time
}

// add notes a crash.
func (c *crashes) add(id identity, at time.Time, how string) *crash {
	if c.identity != id {
		*c = crashes{identity: id}
	}
	added := &crash{at: at}
	c.list = append(c.list, added)
	c.last = how
	return added
}

// own returns the crashes that were the connector's fault.
func (c *crashes) own() []*crash {
	var list []*crash
	for _, one := range c.list {
		if !one.killed {
			list = append(list, one)
		}
	}
	return list
}

// admit says how long to wait before the next launch, or that there is to be none
// for now.
func (c *crashes) admit(name string, id identity, at time.Time, l limits) (time.Duration, error) {
	if c.identity != id {
		*c = crashes{identity: id}
		return 0, nil
	}
	if own := c.own(); len(own) >= l.crashLimit {
		release := own[len(own)-1].at.Add(l.quarantine)
		if at.Before(release) {
			return 0, &refusal{&sdk.Error{Class: sdk.ClassInternal,
				Message: "connector " + name + " keeps crashing and is in quarantine until " +
					release.Format(time.TimeOnly) + "; the last time: " + c.last,
				Suggestion: "replace its binary to have it tried at once"}}
		}
		c.list = nil
	}
	for len(c.list) > 0 && at.Sub(c.list[0].at) > l.crashWindow {
		c.list = c.list[1:]
	}
	if len(c.list) < 2 {
		return 0, nil
	}
	most := l.backOffMax
	if len(c.own()) < 2 {
		most = l.backOffKilled
	}
	return min(l.backOff<<min(len(c.list)-2, 16), most), nil
}
