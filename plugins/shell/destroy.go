package main

import (
	"syscall"
	"time"
)

// stop asks the whole group to end and forces it when grace has passed.
func (t *processTable) stop(p *process, grace time.Duration) {
	deadline := time.Now().Add(grace)
	signalGroup(p.pid, syscall.SIGTERM)
	for groupAlive(p.pid) && time.Now().Before(deadline) {
		time.Sleep(killPause)
	}
	signalGroup(p.pid, syscall.SIGKILL)
}

// destroy leaves no process of the attempts behind, also none that moved to a
// session of its own. It is idempotent.
func (t *processTable) destroy(attempts []*attempt) {
	sessions := map[int]bool{}
	ids := map[string]bool{}
	everywhere := false
	for _, a := range attempts {
		ids[a.id] = true
		p := t.find(a)
		if p == nil {
			continue
		}
		select {
		case <-p.done:
		default:
			t.stop(p, 0)
			<-p.done
		}
		sessions[p.pid] = true
		everywhere = everywhere || p.joined
	}
	if len(sessions) > 0 {
		killOrphans(sessions, ids)
	}
	if everywhere {
		killMarked(ids)
	}
	for id := range ids {
		t.forget(id)
	}
}

func (t *processTable) forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, id)
}

// find returns an attempt's process, also one that an earlier process of this
// connector has started, or nil when none ever began.
func (t *processTable) find(a *attempt) *process {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, known := t.byID[a.id]; known {
		return p
	}
	if a.dir == "" {
		return nil
	}
	if pid, err := a.pid(); err == nil && pid > 0 {
		p := join(a, pid)
		t.byID[a.id] = p
		return p
	}
	return nil
}

// killOrphans ends what the attempts' shells left running. Everything that they
// started and that lost its parent is a child of this process (adoptOrphans), so
// there is no need to look at the whole machine.
func killOrphans(sessions map[int]bool, ids map[string]bool) {
	killed := map[int]bool{} // a dead process tells nothing of its environment
	theirs := func(pid int) bool {
		return !sessions[pid] && (killed[pid] || sessions[sessionOf(pid)] || marked(pid, ids))
	}
	for orphans := reapOrphans(theirs); len(orphans) > 0; orphans = reapOrphans(theirs) {
		for _, pid := range orphans {
			killed[pid] = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
