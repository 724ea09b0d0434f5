package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

// journalEnv names the journal's file: in the connector's own environment for all
// calls, or in a step's for those about the step.
const journalEnv = "PATCHBAY_FAKE_JOURNAL"

// Files in an attempt's folder.
const (
	journalFile = "journal" // the name of the step's journal
	callsFile   = "calls"   // one byte a RunStep
	startedFile = "started" // when the work began
)

// journal adds a line "<method> <attempt>" to a file at each call. A line is
// written at once, so that several processes may share a file.
type journal struct{ file string }

// begin remembers the step's journal for the calls that are not told the
// environment.
func (j *journal) begin(step sdk.Step) error {
	file := step.Environment[journalEnv]
	if file == "" || step.Workspace.AttemptPath == "" {
		return nil
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(step.Workspace.Path, file)
	}
	return os.WriteFile(filepath.Join(step.Workspace.AttemptPath, journalFile), []byte(file), 0o600)
}

func (j *journal) note(method, attempt string, w sdk.Workspace) error {
	file := j.file
	if w.AttemptPath != "" {
		switch own, err := os.ReadFile(filepath.Join(w.AttemptPath, journalFile)); {
		case err == nil:
			file = string(own)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if file == "" {
		return nil
	}
	return appendTo(file, fmt.Sprintf("%s %s\n", method, attempt))
}

// countCall counts the RunSteps of an attempt in its folder, so that the count
// survives the process. The first is 1.
func countCall(w sdk.Workspace) (int, error) {
	name := filepath.Join(w.AttemptPath, callsFile)
	if err := appendTo(name, "."); err != nil {
		return 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return int(info.Size()), nil
}

// once adds a line to a file in the workspace at the first call of an attempt: for
// tests that look for work done twice.
func once(w sdk.Workspace, file string) error {
	if file == "" {
		return nil
	}
	mark, err := os.OpenFile(filepath.Join(w.AttemptPath, "once"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(w.Path)
	if err != nil {
		return errors.Join(err, mark.Close())
	}
	defer root.Close()
	out, err := root.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, mark.Close())
	}
	_, err = out.WriteString("done\n")
	return errors.Join(err, out.Close(), mark.Close())
}

func appendTo(name, text string) error {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
