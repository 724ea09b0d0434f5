package pluginhost

import "time"

// Limits are what tests shorten so that nobody waits.
type Limits struct {
	CrashLimit          int
	Quarantine          time.Duration
	BackOff             time.Duration
	IdleGrace, BusyWait time.Duration
}

// SetLimits replaces those limits that are not zero, before the host is used.
func (h *Host) SetLimits(l Limits) {
	for target, value := range map[*time.Duration]time.Duration{
		&h.limits.quarantine: l.Quarantine, &h.limits.backOff: l.BackOff,
		&h.limits.idleGrace: l.IdleGrace, &h.limits.busyGrace: l.BusyWait,
	} {
		if value != 0 {
			*target = value
		}
	}
	if l.CrashLimit != 0 {
		h.limits.crashLimit = l.CrashLimit
	}
}

// PID returns the process that serves a name now, or 0, and a channel that is
// closed when it has ended.
func (h *Host) PID(name string) (string, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.slot(name).current; p != nil {
		return p.runner.ID(), p.runner.done
	}
	return "", nil
}

// ParseLock is for the fuzz test.
func ParseLock(content []byte) (*Lock, error) { return parseLock(content) }

// ConnectorEnvironment is for the table test.
var ConnectorEnvironment = connectorEnvironment

// What the test of swept folders needs.
const OwnPrefix = ownPrefix

var (
	LockFolder = lockFolder
	Sweep      = sweep
)
