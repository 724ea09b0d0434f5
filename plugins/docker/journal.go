package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk"
)

// journal is what is kept of work that is done by this process and not by a
// container: in the attempt's folder, which outlives the process. Its output is a file
// that is only ever added to, so that a byte has one offset however often the attempt
// is joined; its end is a file, too, so that who joins later is told the same.
type journal struct{ folder string }

const (
	journalOutput  = "build.log"
	journalEnd     = "build.end.json"
	journalStop    = "build.stop"    // somebody wants the work to stop
	journalLock    = "build.lock"    // held by the process that works
	journalRemains = "build.remains" // what the work has the Engine make, a line each
)

// ending is how the work ended.
type ending struct {
	Result  *sdk.Result `json:"result,omitempty"`
	Outputs []setOutput `json:"outputs,omitempty"`
	// Error is set when the connector broke; Result is nil then.
	Error *savedError `json:"error,omitempty"`
}

type setOutput struct{ Name, Value string }

// savedError is the part of an sdk.Error that crosses the wire.
type savedError struct {
	Class                        sdk.ErrorClass
	Message, Suggestion, Pointer string
}

func failedEnding(err error) *ending {
	saved := &savedError{Class: sdk.ClassOf(err), Message: err.Error()}
	var known *sdk.Error
	if errors.As(err, &known) {
		saved.Message, saved.Suggestion, saved.Pointer = known.Message, known.Suggestion, known.Pointer
	}
	return &ending{Error: saved}
}

// set adds an output, unless it is empty, and keeps it with the result, too.
func (e *ending) set(name, value string) {
	if value != "" {
		e.Outputs = append(e.Outputs, setOutput{name, value})
		e.Result.Metadata[name] = value
	}
}

// report tells the host the end.
func (e *ending) report(s *sdk.Session) (sdk.Result, error) {
	if e.Error != nil {
		return sdk.Result{}, &sdk.Error{Class: e.Error.Class, Message: e.Error.Message,
			Suggestion: e.Error.Suggestion, Pointer: e.Error.Pointer}
	}
	for _, output := range e.Outputs {
		if err := s.SetOutput(output.Name, output.Value); err != nil {
			return sdk.Result{}, err
		}
	}
	return *e.Result, nil
}

func (j journal) path(name string) string { return filepath.Join(j.folder, name) }

func (j journal) has(name string) bool {
	_, err := os.Lstat(j.path(name))
	return err == nil
}

// end returns how the work ended, or nil when it has not.
func (j journal) end() (*ending, error) {
	content, err := os.ReadFile(j.path(journalEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how the build ended: %w", err)
	}
	var e ending
	if err := json.Unmarshal(content, &e); err != nil || e.Result == nil && e.Error == nil {
		return nil, errors.New("the note of how the build ended is damaged")
	}
	return &e, nil
}

// close notes the end, whole or not at all.
func (j journal) close(e *ending) error {
	content, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("note how the build ended: %w", err)
	}
	temporary := j.path(journalEnd + ".new")
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return fmt.Errorf("note how the build ended: %w", err)
	}
	return os.Rename(temporary, j.path(journalEnd))
}

// stop asks whoever works, in whatever process, to stop.
func (j journal) stop() error { return os.WriteFile(j.path(journalStop), nil, 0o600) }

// remains are the lines that were noted for the clean-up.
func (j journal) remains() []string {
	content, err := os.ReadFile(j.path(journalRemains))
	if err != nil {
		return nil
	}
	return strings.Fields(string(content))
}

// writing is a journal that is being written.
type writing struct {
	journal
	output, left *os.File

	mu      sync.Mutex
	message string
	percent int
	changed chan struct{} // closed at the next change
}

// write opens the journal for the process that has its lock. again reports whether
// another one had it before, and left it without an end.
func (w *writing) open() (again bool, err error) {
	const mode = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	again = w.has(journalRemains)
	if w.output, err = os.OpenFile(w.path(journalOutput), mode, 0o600); err != nil {
		return false, fmt.Errorf("open the build's output: %w", err)
	}
	if w.left, err = os.OpenFile(w.path(journalRemains), mode, 0o600); err != nil {
		w.output.Close()
		return false, fmt.Errorf("open the build's notes: %w", err)
	}
	return again, nil
}

func (w *writing) shut() { w.output.Close(); w.left.Close() }

// Write adds to the output.
func (w *writing) Write(p []byte) (int, error) {
	n, err := w.output.Write(p)
	w.touch(func() {})
	return n, err
}

// note keeps the ID of something for the clean-up.
func (w *writing) note(id string) error {
	_, err := fmt.Fprintln(w.left, id)
	return err
}

// progress says what is happening, to those who watch.
func (w *writing) progress(message string, percent int) {
	w.touch(func() { w.message, w.percent = message, percent })
}

func (w *writing) touch(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	close(w.changed)
	w.changed = make(chan struct{})
}

// now returns the present progress, and a channel that is closed at the next change.
func (w *writing) now() (message string, percent int, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.message, w.percent, w.changed
}
