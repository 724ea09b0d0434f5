package logs

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// attemptKey tells attempts apart.
type attemptKey struct{ step, attempt int }

// writer implements core.LogWriter.
type writer struct {
	store       *Store
	executionID string
	folder      string
	live        *live

	mu      sync.Mutex
	file    *file
	begin   int64 // cursor of the file's first byte
	end     int64 // cursor behind the last record
	offsets map[attemptKey]core.LogOffsets
	status  map[int]int64 // by step: version of the last event
	buffer  []byte
	closed  bool
}

// OpenLog implements core.LogStore. It reads the whole log, to know its offsets. It
// returns Conflict while the log is open already, Unavailable when the disk does not
// take it, and says which file is damaged at which place.
//
// Nothing is synced to the disk: what Append has taken is with the kernel, and
// outlives the server's process. After a power failure the steps are gone, too.
func (s *Store) OpenLog(ctx context.Context, executionID string) (core.LogWriter, error) {
	folder, err := s.folder(executionID)
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, executionID: executionID, folder: folder, live: s.watch(executionID),
		offsets: map[attemptKey]core.LogOffsets{}, status: map[int]int64{}}
	if err := w.live.begin(executionID); err != nil {
		s.unwatch(executionID, w.live)
		return nil, err
	}
	if err = os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		err = unwritable(err)
	} else {
		err = w.recover(ctx)
	}
	if err != nil {
		w.live.stop()
		s.unwatch(executionID, w.live)
		return nil, err
	}
	w.live.moved(w.end)
	return w, nil
}

// advance moves an attempt's offset behind a record.
func (w *writer) advance(r core.LogRecord) {
	key := attemptKey{r.Step, r.Attempt}
	offsets := w.offsets[key]
	switch r.Stream {
	case core.StreamStdout:
		offsets.Stdout = r.Offset + r.Advance()
	case core.StreamStderr:
		offsets.Stderr = r.Offset + r.Advance()
	case core.StreamStatus:
		var event core.StatusEvent
		if json.Unmarshal(r.Data, &event) == nil {
			w.status[r.Step] = max(w.status[r.Step], event.Version)
		}
		return
	default:
		return
	}
	w.offsets[key] = offsets
}

// Offsets implements core.LogWriter.
func (w *writer) Offsets(step, attempt int) core.LogOffsets {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offsets[attemptKey{step, attempt}]
}

// StatusVersion implements core.LogWriter.
func (w *writer) StatusVersion(step int) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status[step]
}

// Append implements core.LogWriter. The data is in the file when it returns. It
// returns Invalid for a record that no log can have, and Unavailable when the disk
// does not take it: then the same record may be tried again.
func (w *writer) Append(r core.LogRecord) error {
	if err := check(r); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.skipStored(&r); err != nil {
		return err
	}
	if r.Span > 0 {
		err := w.write(r, uint8(r.Stream))
		if err == nil {
			w.advance(r)
		}
		return err
	}
	for len(r.Data) > 0 {
		piece := r
		piece.Data = r.Data[:min(len(r.Data), maxRecord)]
		if err := w.write(piece, uint8(piece.Stream)); err != nil {
			return err
		}
		w.advance(piece)
		r.Offset += int64(len(piece.Data))
		r.Data = r.Data[len(piece.Data):]
	}
	return nil
}

// check refuses what cannot be stored. Offsets and streams come from connectors.
func check(r core.LogRecord) error {
	switch {
	case r.Stream < core.StreamStdout || r.Stream > core.StreamStatus:
		return core.Errorf(core.CodeInvalid, "%d is no stream of a log", r.Stream)
	case r.Offset < 0 || r.Span < 0 || r.Offset > math.MaxInt64-r.Advance():
		return core.Errorf(core.CodeInvalid, "%d is no offset in a log", r.Offset)
	case (r.Span > 0 || r.Stream == core.StreamStatus) && len(r.Data) > maxRecord-spanSize:
		return core.Errorf(core.CodeInvalid, "a record that cannot be divided has %d bytes; %d is the most", len(r.Data), maxRecord-spanSize)
	case r.Step < -1 || r.Step > math.MaxInt32 || r.Attempt < 0 || r.Attempt > math.MaxUint16:
		return core.Errorf(core.CodeInvalid, "a log has no attempt %d of step %d", r.Attempt, r.Step)
	}
	return nil
}

// skipStored drops what is stored already. A record with a span is there whole or
// not at all.
func (w *writer) skipStored(r *core.LogRecord) error {
	offsets := w.offsets[attemptKey{r.Step, r.Attempt}]
	stored := offsets.Stdout
	switch r.Stream {
	case core.StreamStderr:
		stored = offsets.Stderr
	case core.StreamSystem, core.StreamStatus:
		return nil
	}
	if r.Offset > stored {
		return core.Errorf(core.CodeInvalid, "a gap in %s of step %d, attempt %d: %d bytes are stored, the next begin at %d",
			r.Stream, r.Step, r.Attempt, stored, r.Offset)
	}
	if r.Span > 0 {
		if r.Offset < stored {
			return core.Errorf(core.CodeInvalid, "%s of step %d, attempt %d: a masked record begins at %d, but %d bytes are stored",
				r.Stream, r.Step, r.Attempt, r.Offset, stored)
		}
		return nil
	}
	known := min(stored-r.Offset, int64(len(r.Data)))
	r.Data = r.Data[known:]
	r.Offset += known
	return nil
}

// write appends one record. When that fails, what came of it is cut off, so that
// the log stays whole and the next try begins where this one did.
func (w *writer) write(r core.LogRecord, stream uint8) error {
	if w.closed {
		return errors.New("the log is closed")
	}
	if w.end-w.begin >= w.store.segmentSize {
		if err := w.roll(); err != nil {
			return err
		}
	}
	w.buffer = appendRecord(w.buffer[:0], r, stream)
	if _, err := w.file.WriteAt(w.buffer, w.end-w.begin); err != nil {
		return errors.Join(unwritable(err), w.file.Truncate(w.end-w.begin))
	}
	w.end += int64(len(w.buffer))
	w.live.moved(w.end)
	return nil
}

// roll begins a new segment.
func (w *writer) roll() error {
	if err := os.MkdirAll(w.folder, 0o700); err != nil {
		return unwritable(err)
	}
	begun, err := w.store.files.acquire(segmentPath(w.folder, w.end), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return unwritable(err)
	}
	old := w.file
	w.file, w.begin = begun, w.end
	return w.store.files.release(old)
}

func unwritable(err error) error {
	return &core.Error{Code: core.CodeUnavailable, Message: "the log cannot be written", Err: err,
		Suggestions: []string{"see that the disk of the data folder has room and works"}}
}

// Seal implements core.LogWriter.
func (w *writer) Seal() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write(core.LogRecord{Step: -1}, sealRecord)
}

// Close implements core.LogWriter.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	err := w.store.files.release(w.file)
	w.live.stop()
	w.store.unwatch(w.executionID, w.live)
	return err
}
