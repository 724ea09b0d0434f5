package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk"
)

func journalPath(folder string) string { return filepath.Join(folder, "work.out") }
func endingPath(folder string) string  { return filepath.Join(folder, "work.end") }

// journal is what the work of an attempt says. It is safe for concurrent use.
type journal struct {
	folder string
	file   *os.File
	// resumed says that another process has worked before.
	resumed bool

	mu      sync.Mutex
	more    chan struct{} // closed at the next word
	values  map[string]string
	doing   string
	percent int
}

func openJournal(folder string) (*journal, error) {
	file, err := os.OpenFile(journalPath(folder), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the step's output: %w", err)
	}
	j := &journal{folder: folder, file: file, more: make(chan struct{}), values: map[string]string{}, percent: -1}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("keep the step's output: %w", err)
	}
	j.resumed = info.Size() > 0
	return j, nil
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, err := j.file.Write(p)
	j.wake()
	return n, err
}

// say adds a line. One that cannot be written is lost; the work goes on.
func (j *journal) say(format string, args ...any) {
	_, _ = io.WriteString(j, strings.TrimRight(fmt.Sprintf(format, args...), "\n")+"\n")
}

// progress says what is being waited for; percent is negative when unknown.
func (j *journal) progress(percent int, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.doing, j.percent = fmt.Sprintf(format, args...), percent
	j.wake()
}

// setOutput gives a value to later steps, when the work has ended.
func (j *journal) setOutput(name, value string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.values[name] = value
}

func (j *journal) outputs() map[string]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.values)
}

// grown returns a channel that is closed when there is more.
func (j *journal) grown() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.more
}

func (j *journal) wake() {
	close(j.more)
	j.more = make(chan struct{})
}

func (j *journal) close() { j.file.Close() }

// keep writes a file that a process which takes over will find, whole or not at all.
func (j *journal) keep(name string, data []byte) error {
	return writeWhole(filepath.Join(j.folder, name), data)
}

// kept reads what keep has written, or returns nil.
func (j *journal) kept(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(j.folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func writeWhole(path string, data []byte) error {
	partial := path + ".part"
	if err := os.WriteFile(partial, data, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// pass sends the words that have come since the last time.
func (f *follower) pass() error {
	if f.file == nil {
		file, err := os.Open(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the step's output: %w", err)
		}
		f.file = file
	}
	for {
		n, err := f.file.Read(f.buffer)
		if n > 0 {
			if _, err := f.session.Stdout().Write(f.buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the step's output: %w", err)
		}
	}
}

// progress sends what the work is doing, when that has changed. It is a hint.
func (f *follower) progress(j *journal) {
	j.mu.Lock()
	doing, percent := j.doing, j.percent
	j.mu.Unlock()
	if doing != f.said {
		f.said = doing
		_ = f.session.Progress(doing, percent)
	}
}

// ending is how an attempt's work ended.
type ending struct {
	Result  sdk.Result        `json:"result"`
	Outputs map[string]string `json:"outputs,omitempty"`
	Error   *endingError      `json:"error,omitempty"`
}

type endingError struct {
	Class                        sdk.ErrorClass
	Message, Suggestion, Pointer string
}

func newEnding(result sdk.Result, err error, outputs map[string]string) *ending {
	e := &ending{Result: result, Outputs: outputs}
	if err != nil {
		e.Error = &endingError{Class: sdk.ClassOf(err), Message: err.Error()}
		if typed := new(sdk.Error); errors.As(err, &typed) {
			e.Error.Suggestion, e.Error.Pointer = typed.Suggestion, typed.Pointer
		}
	}
	return e
}

func (e *ending) save(folder string) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("keep the step's result: %w", err)
	}
	if err := writeWhole(endingPath(folder), data); err != nil {
		return fmt.Errorf("keep the step's result: %w", err)
	}
	return nil
}

func readEnding(folder string) (*ending, error) {
	data, err := os.ReadFile(endingPath(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the step's result: %w", err)
	}
	e := new(ending)
	if err := json.Unmarshal(data, e); err != nil {
		return nil, fmt.Errorf("read the step's result: %w", err)
	}
	return e, nil
}

// tell is the end of a RunStep: it sets the outputs and returns the result.
func (e *ending) tell(s *sdk.Session) (sdk.Result, error) {
	if e.Error != nil {
		return sdk.Result{}, &sdk.Error{Class: e.Error.Class, Message: e.Error.Message,
			Suggestion: e.Error.Suggestion, Pointer: e.Error.Pointer}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Outputs)) {
		if err := s.SetOutput(name, e.Outputs[name]); err != nil {
			return sdk.Result{}, err
		}
	}
	return e.Result, nil
}
