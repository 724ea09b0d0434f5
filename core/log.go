package core

import (
	"context"
	"time"
)

// LogStream says where a piece of log comes from.
type LogStream uint8

// The log streams. System carries the engine's own words about a step. Status
// carries a StatusEvent as JSON for each change, so that output and status have
// one order and one cursor.
const (
	StreamStdout LogStream = 1
	StreamStderr LogStream = 2
	StreamSystem LogStream = 3
	StreamStatus LogStream = 4
)

// String returns "stdout", "stderr", "system" or "status".
func (s LogStream) String() string {
	switch s {
	case StreamStdout:
		return "stdout"
	case StreamStderr:
		return "stderr"
	case StreamSystem:
		return "system"
	case StreamStatus:
		return "status"
	default:
		return "unknown"
	}
}

// LogRecord is a piece of an execution's log: some bytes of one stream of one
// attempt, usually whole lines.
type LogRecord struct {
	Time time.Time
	// Step is the StepRun's index, or -1 for the execution itself.
	Step int
	// Attempt is the attempt's number, from 1, or from FirstHookNumber on that of a hook
	// of the step; 0 with Step -1.
	Attempt int
	Stream  LogStream
	// Offset of the first byte of Data in that stream of that attempt. Not used
	// for StreamSystem and StreamStatus.
	Offset int64
	// Span is how many bytes of the attempt's stream Data stands for, when that is
	// not its length: a masked secret is shorter or longer than what replaces it.
	// 0 means len(Data).
	Span int64
	Data []byte
}

// Advance is how many bytes of its stream the record stands for.
func (r LogRecord) Advance() int64 {
	if r.Span > 0 {
		return r.Span
	}
	return int64(len(r.Data))
}

// StatusEvent is a change of an execution's (Step -1) or a step's status. Version
// is that of the stored document: of two events of one document, the one with the
// higher version is the later.
type StatusEvent struct {
	Step    int       `json:"step"`
	Stage   string    `json:"stage,omitempty"`
	Name    string    `json:"name,omitempty"`
	Status  Status    `json:"status"`
	Allowed bool      `json:"allowed,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Version int64     `json:"version"`
	Time    time.Time `json:"time"`
}

// Cursor is a place between two records of one execution's log. Zero is the
// beginning. Readers hand back what they were given.
type Cursor int64

// LogOffsets says how many bytes of an attempt's streams are stored.
type LogOffsets struct {
	Stdout, Stderr int64
}

// LogWriter appends to the log of one execution. It is safe for concurrent use;
// there is one at a time for an execution.
type LogWriter interface {
	// Offsets says how far an attempt's streams got: the truth about an attempt
	// that is joined again.
	Offsets(step, attempt int) LogOffsets
	// StatusVersion is the version in the last StatusEvent of a step (-1: of the
	// execution) that is stored, 0 for none.
	StatusVersion(step int) int64
	// Append stores a record. For stdout and stderr, bytes below the stored offset
	// are dropped and a gap is an error. It does not keep r.Data.
	Append(r LogRecord) error
	// Seal says that nothing will follow: followers come to their end. Close is
	// still needed.
	Seal() error
	Close() error
}

// LogOpener opens logs for writing.
type LogOpener interface {
	// OpenLog opens or continues the log of an execution.
	OpenLog(ctx context.Context, executionID string) (LogWriter, error)
}

// LogStore keeps the logs of executions. It is safe for concurrent use.
type LogStore interface {
	LogOpener
	// Read calls fn for the records from the cursor on that are stored now, with
	// the cursor behind each. It stops at fn's first error and returns it. An
	// execution without a log has an empty one.
	Read(ctx context.Context, executionID string, from Cursor, fn func(LogRecord, Cursor) error) error
	// Follow is Read that waits for more until the log is sealed (nil) or ctx is
	// done (its error). A slow fn loses nothing: it reads from the store.
	Follow(ctx context.Context, executionID string, from Cursor, fn func(LogRecord, Cursor) error) error
	// Delete removes a log; no error when there is none.
	Delete(ctx context.Context, executionID string) error
	Close() error
}
