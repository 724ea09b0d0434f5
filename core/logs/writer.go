package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	watched     *signal

	mu      sync.Mutex
	file    *os.File
	begin   int64 // cursor of the file's first byte
	end     int64 // cursor behind the last record
	offsets map[attemptKey]core.LogOffsets
	buffer  []byte
	closed  bool
}

// OpenLog implements core.LogStore. What a crash left of a record is cut off.
//
// Nothing is synced to the disk: what Append has taken is with the kernel, and
// outlives the server's process. After a power failure the steps are gone, too.
func (s *Store) OpenLog(_ context.Context, executionID string) (core.LogWriter, error) {
	folder, err := s.folder(executionID)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the log's folder: %w", err)
	}
	w := &writer{store: s, executionID: executionID, folder: folder, offsets: map[attemptKey]core.LogOffsets{}}
	if err := w.recover(); err != nil {
		return nil, err
	}
	w.watched = s.watch(executionID)
	return w, nil
}

// recover reads what is there, to learn how far each attempt got.
func (w *writer) recover() error {
	list, err := segments(w.folder)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		r := &reader{folder: w.folder}
		defer r.close()
		for {
			p, err := r.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if !p.seal {
				w.advance(p.record)
			}
		}
		w.end = int64(r.cursor())
		w.begin = list[len(list)-1].begin
	}
	file, err := os.OpenFile(segmentPath(w.folder, w.begin), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	if err := file.Truncate(w.end - w.begin); err != nil {
		return errors.Join(fmt.Errorf("cut off what a crash left: %w", err), file.Close())
	}
	w.file = file
	return nil
}

// advance moves an attempt's offset behind a record.
func (w *writer) advance(r core.LogRecord) {
	key := attemptKey{r.Step, r.Attempt}
	offsets := w.offsets[key]
	switch r.Stream {
	case core.StreamStdout:
		offsets.Stdout = r.Offset + int64(len(r.Data))
	case core.StreamStderr:
		offsets.Stderr = r.Offset + int64(len(r.Data))
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

// Append implements core.LogWriter. The data is in the file when it returns.
func (w *writer) Append(r core.LogRecord) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.skipStored(&r); err != nil {
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

// skipStored drops what is stored already.
func (w *writer) skipStored(r *core.LogRecord) error {
	offsets := w.offsets[attemptKey{r.Step, r.Attempt}]
	stored := offsets.Stdout
	switch r.Stream {
	case core.StreamStderr:
		stored = offsets.Stderr
	case core.StreamSystem:
		return nil
	}
	if r.Offset > stored {
		return fmt.Errorf("a gap in %s of step %d, attempt %d: %d bytes are stored, the next begin at %d",
			r.Stream, r.Step, r.Attempt, stored, r.Offset)
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
		return errors.Join(fmt.Errorf("write the log: %w", err), w.file.Truncate(w.end-w.begin))
	}
	w.end += int64(len(w.buffer))
	w.store.wakeUp(w.watched)
	return nil
}

// roll begins a new segment.
func (w *writer) roll() error {
	file, err := os.OpenFile(segmentPath(w.folder, w.end), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("begin a segment of the log: %w", err)
	}
	old := w.file
	w.file, w.begin = file, w.end
	return old.Close()
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
	w.store.unwatch(w.executionID, w.watched)
	return w.file.Close()
}
