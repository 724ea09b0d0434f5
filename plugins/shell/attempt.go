package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/patchbay-ci/patchbay/sdk"
)

// attemptEnv marks every process of an attempt, so that even those that left the
// process group can be told to belong to it.
const attemptEnv = "PATCHBAY_ATTEMPT_ID"

// maxState is more than a state file ever has.
const maxState = 256

// attempt is what is on disk of one attempt. It survives this process.
type attempt struct {
	id  string
	dir string
}

func newAttempt(s sdk.Step) *attempt {
	return &attempt{id: s.AttemptID, dir: s.Workspace.AttemptPath}
}

// stateFile has the process ID of the step's shell in its first line and, when the
// shell has ended, how in its second. The shell itself makes it before anything
// else, with O_EXCL: of two shells that were started for one attempt, only one
// gets on. (One file, because making files is a good part of a short step's time.)
func (a *attempt) stateFile() string  { return filepath.Join(a.dir, "state") }
func (a *attempt) stdoutFile() string { return filepath.Join(a.dir, "stdout") }
func (a *attempt) stderrFile() string { return filepath.Join(a.dir, "stderr") }
func (a *attempt) scriptFile() string { return filepath.Join(a.dir, "script") }

// lines returns the complete lines of the state file; none when nothing has begun.
func (a *attempt) lines() ([]string, error) {
	file, err := openPlain(a.stateFile(), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxState))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(data), "\n")
	return lines[:len(lines)-1], nil
}

// pid returns the process ID of the attempt's shell, or 0 when none has begun.
func (a *attempt) pid() (int, error) {
	lines, err := a.lines()
	if err != nil || len(lines) == 0 {
		return 0, err
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s holds no process ID: %q", a.stateFile(), lines[0])
	}
	return pid, nil
}

// ending is how the shell ended: an exit code, or the name of a signal.
type ending struct {
	code   int
	signal string
}

// recordedEnding reads how the shell ended; ok is false when that is not there.
func (a *attempt) recordedEnding() (e ending, ok bool) {
	lines, err := a.lines()
	if err != nil || len(lines) < 2 {
		return ending{}, false
	}
	if code, err := strconv.Atoi(lines[1]); err == nil {
		return ending{code: code}, true
	}
	return ending{signal: lines[1]}, true
}

// recordSignal keeps what only the parent of a process can know.
func (a *attempt) recordSignal(name string) error {
	file, err := os.OpenFile(a.stateFile(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(name + "\n")
	return errors.Join(err, file.Close())
}

// openPlain opens a plain file. Unlike os.OpenFile it does not ask first whether
// the file could be waited for, which is several calls for each of a step's files.
func openPlain(path string, flags int) (*os.File, error) {
	for {
		handle, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
		switch {
		case err == nil:
			return os.NewFile(uintptr(handle), path), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}
