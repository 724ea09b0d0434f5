package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// attemptEnv marks every process of an attempt, so that even those that left the
// process group can be told to belong to it.
const attemptEnv = "PATCHBAY_ATTEMPT_ID"

// attempt is what is on disk of one attempt. It survives this process.
type attempt struct {
	id  string
	dir string
}

func newAttempt(s sdk.Step) *attempt {
	return &attempt{id: s.AttemptID, dir: s.Workspace.AttemptPath}
}

// pidFile is made by the step's own shell before anything else, with O_EXCL: of
// two shells that were started for one attempt, only one gets on.
func (a *attempt) pidFile() string    { return filepath.Join(a.dir, "pid") }
func (a *attempt) exitFile() string   { return filepath.Join(a.dir, "exit") }
func (a *attempt) stdoutFile() string { return filepath.Join(a.dir, "stdout") }
func (a *attempt) stderrFile() string { return filepath.Join(a.dir, "stderr") }
func (a *attempt) scriptFile() string { return filepath.Join(a.dir, "script") }

// pid returns the process ID of the attempt's shell, or 0 when none has begun.
func (a *attempt) pid() (int, error) {
	data, err := os.ReadFile(a.pidFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return 0, nil // made this instant; the writer is at it
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s holds no process ID: %q", a.pidFile(), text)
	}
	return pid, nil
}

// ending is how the shell ended: an exit code, or the name of a signal.
type ending struct {
	code   int
	signal string
}

// recordedEnding reads the exit file; ok is false when there is none (yet).
func (a *attempt) recordedEnding() (e ending, ok bool) {
	data, err := os.ReadFile(a.exitFile())
	text, complete := strings.CutSuffix(string(data), "\n")
	if err != nil || !complete {
		return ending{}, false
	}
	if code, err := strconv.Atoi(text); err == nil {
		return ending{code: code}, true
	}
	return ending{signal: text}, true
}

// recordSignal keeps what only the parent of a process can know.
func (a *attempt) recordSignal(name string) error {
	temporary := a.exitFile() + ".new"
	if err := os.WriteFile(temporary, []byte(name+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, a.exitFile())
}
