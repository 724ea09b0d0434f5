package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/patchbay-ci/patchbay/core"
)

// readBuffer holds several records: few system calls for many small ones.
const readBuffer = 4 * (maxRecord + headerSize)

// reader reads a log from a cursor on. It keeps one file open.
type reader struct {
	folder string
	at     int64 // cursor of buffer[0]
	file   *os.File
	begin  int64 // of file
	buffer []byte
	filled int
	used   int
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
}

// next returns the next record; io.EOF when there is none yet. What it returns is
// valid until the next call.
func (r *reader) next() (parsed, error) {
	for {
		p, err := parseRecord(r.buffer[r.used:r.filled])
		if err == nil {
			r.used += int(p.size)
			return p, nil
		}
		if !errors.Is(err, errTorn) {
			return parsed{}, r.broken(err)
		}
		grown, err := r.fill()
		if err != nil {
			return parsed{}, err
		}
		if !grown {
			return parsed{}, io.EOF
		}
	}
}

// cursor is the place behind the last record that next returned.
func (r *reader) cursor() core.Cursor { return core.Cursor(r.at + int64(r.used)) }

func (r *reader) broken(err error) error {
	return &core.Error{Code: core.CodeInternal, Message: "the log is damaged",
		Err: fmt.Errorf("%s at byte %d: %w", segmentPath(r.folder, r.begin), r.at+int64(r.used)-r.begin, err)}
}

// fill reads on, in the next segment when this one is at its end.
func (r *reader) fill() (grown bool, err error) {
	if r.buffer == nil {
		r.buffer = make([]byte, readBuffer)
	}
	copy(r.buffer, r.buffer[r.used:r.filled])
	r.at += int64(r.used)
	r.filled -= r.used
	r.used = 0
	for {
		if r.file == nil {
			if opened, err := r.open(); err != nil || !opened {
				return false, err
			}
		}
		n, err := r.file.ReadAt(r.buffer[r.filled:], r.at+int64(r.filled)-r.begin)
		r.filled += n
		if n > 0 {
			return true, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("read the log: %w", err)
		}
		if r.filled > 0 {
			// A record is being written, or was cut off: it is read anew next time.
			r.filled = 0
			return false, nil
		}
		// A segment is begun where the one before it ended.
		next, err := os.Open(segmentPath(r.folder, r.at))
		if err != nil || r.at == r.begin {
			if err == nil {
				next.Close()
			}
			return false, nil
		}
		r.file.Close()
		r.file, r.begin = next, r.at
	}
}

// open opens the segment that has the cursor.
func (r *reader) open() (bool, error) {
	list, err := segments(r.folder)
	if err != nil {
		return false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].begin <= r.at {
			if r.file, err = os.Open(list[i].path); err != nil {
				return false, fmt.Errorf("open the log: %w", err)
			}
			r.begin = list[i].begin
			return true, nil
		}
	}
	return false, nil
}

// Read implements core.LogStore.
func (s *Store) Read(ctx context.Context, executionID string, from core.Cursor, fn func(core.LogRecord, core.Cursor) error) error {
	folder, err := s.folder(executionID)
	if err != nil {
		return err
	}
	r := &reader{folder: folder, at: int64(from)}
	defer r.close()
	_, err = r.pass(ctx, fn)
	return err
}

// pass calls fn for the records that are there, and reports whether the last one
// was a seal.
func (r *reader) pass(ctx context.Context, fn func(core.LogRecord, core.Cursor) error) (sealed bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return sealed, context.Cause(ctx)
		}
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			return sealed, nil
		}
		if err != nil {
			return sealed, err
		}
		if sealed = p.seal; sealed {
			continue
		}
		if err := fn(p.record, r.cursor()); err != nil {
			return sealed, err
		}
	}
}

// Follow implements core.LogStore.
func (s *Store) Follow(ctx context.Context, executionID string, from core.Cursor, fn func(core.LogRecord, core.Cursor) error) error {
	folder, err := s.folder(executionID)
	if err != nil {
		return err
	}
	watched := s.watch(executionID)
	defer s.unwatch(executionID, watched)
	r := &reader{folder: folder, at: int64(from)}
	defer r.close()
	for {
		grown := s.next(watched) // before reading: what comes meanwhile is not missed
		sealed, err := r.pass(ctx, fn)
		if err != nil || sealed {
			return err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
