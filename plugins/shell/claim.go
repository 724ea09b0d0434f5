package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// A shell's claim is the first line of the state file (see commandLine). A shell
// can end without one: somebody killed it in its first moment, or the disk was full
// and took the file but not the line. Then the step has not begun, and may begin.

// startTries is how many shells are started for an attempt that does not begin.
const startTries = 5

// claimWait is how long a state file may stay empty before its maker is taken for
// dead: there is one write between the two.
const claimWait = time.Second

var errUnbegun = errors.New("the step has not begun")

// yield follows the shell that made the claim in this one's place, if there is one.
func (p *process) yield() {
	owner, err := p.attempt.owner()
	switch {
	case err != nil:
		p.lost = true
	case owner == 0:
		p.unbegun = true
	default:
		other := join(p.attempt, owner)
		<-other.done
		p.end, p.lost = other.end, other.lost
	}
}

// owner returns the process that made the claim, or 0 when there is none, and then
// there is no state file either. A file that stays empty is removed once every
// process that could still write to it is gone.
func (a *attempt) owner() (pid int, err error) {
	for begun := time.Now(); ; time.Sleep(killPause) {
		if _, err := os.Stat(a.stateFile()); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		pid, err := a.pid()
		if err != nil || pid != 0 {
			return pid, err
		}
		if time.Since(begun) < claimWait {
			continue
		}
		if killMarked(map[string]bool{a.id: true}) {
			continue // until they are gone: a kill takes its time
		}
		if pid, err := a.pid(); err != nil || pid != 0 {
			return pid, err // it was made while they were looked for
		}
		return 0, os.Remove(a.stateFile())
	}
}

// whyUnbegun is what users are told of an attempt that could not begin.
func (a *attempt) whyUnbegun() error {
	reason := "its shell was killed each time before the first command"
	probe := filepath.Join(a.dir, "probe")
	err := errors.Join(os.WriteFile(probe, []byte("is there room?\n"), 0o600), os.Remove(probe))
	if err != nil {
		reason = err.Error()
	}
	return &sdk.Error{Class: sdk.ClassInternal, Message: fmt.Sprintf("the step could not begin: %s", reason), Err: err,
		Suggestion: "see that the disk of the data folder has room and works, and run the step again"}
}
