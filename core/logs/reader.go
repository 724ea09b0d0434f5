package logs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/patchbay-ci/patchbay/core"
)

// readBuffer holds the longest record.
const readBuffer = maxRecord + headerSize

// damage is what is wrong with a log, and where.
type damage struct {
	path  string
	at    int64 // in the file
	cause error
}

var (
	// errHole says that what follows in a later segment is not in this one.
	errHole    = errors.New("the segment ends before the next one begins")
	errMissing = errors.New("the segments before this one are missing")
)

func (d *damage) Error() string { return fmt.Sprintf("%s at byte %d: %v", d.path, d.at, d.cause) }
func (d *damage) Unwrap() error { return d.cause }

// reader reads a log from a cursor on. While the log is being written it stops where
// the writer says, so that it never meets half of a record. Without a writer half of
// one at the very end is what a crash left, and the end. Anything else that cannot
// be read is damage, and said: reading never ends early in silence. Between two passes over what is there it
// holds neither a file nor a buffer.
type reader struct {
	store  *Store
	folder string
	// written says where the log ends if somebody writes it now.
	written func() (end int64, writing bool)
	from    int64 // the cursor it began at
	at      int64 // the cursor of buffer[0]
	begin   int64 // of the segment it is in; -1 before it knows
	file    *file // of the segment it is in; nil when it is not open
	buffer  *[]byte
	filled  int
	used    int
	again   bool // what cannot be read was read twice
}

func (s *Store) newReader(folder string, from core.Cursor, written func() (int64, bool)) *reader {
	return &reader{store: s, folder: folder, written: written, from: int64(from), at: int64(from), begin: -1}
}

// rest gives back what the reader holds. It goes on at its cursor.
func (r *reader) rest() {
	r.at, r.filled, r.used = r.at+int64(r.used), 0, 0
	if r.buffer != nil {
		r.store.buffers.Put(r.buffer)
		r.buffer = nil
	}
	r.leave()
}

// leave closes the segment it is in.
func (r *reader) leave() {
	if r.file != nil {
		_ = r.store.files.release(r.file) // it was only read, or its writer still has it
		r.file = nil
	}
}

// cursor is the place behind the last record that next returned.
func (r *reader) cursor() core.Cursor { return core.Cursor(r.at + int64(r.used)) }

// next returns the next record; io.EOF when there is none yet. What it returns is
// valid until the next call.
func (r *reader) next() (parsed, error) {
	if r.buffer == nil {
		r.buffer = r.store.buffers.Get().(*[]byte)
	}
	for {
		p, err := parseRecord((*r.buffer)[r.used:r.filled])
		if err == nil {
			r.used += int(p.size)
			r.again = false
			return p, nil
		}
		grown := false
		if errors.Is(err, errTorn) {
			grown, err = r.fill()
		} else {
			err = r.damaged(err)
		}
		switch {
		case grown:
		case err == nil:
			return parsed{}, io.EOF
		case !r.doubt(err):
			return parsed{}, err
		}
	}
}

// doubt reports whether to look again before saying that the log is damaged: a
// writer may just have cut off, and written anew, what a crash had left.
func (r *reader) doubt(err error) bool {
	var said *core.Error
	if r.again || errors.Is(err, fs.ErrPermission) || errors.As(err, &said) {
		return false
	}
	r.again = true
	r.at, r.filled, r.used, r.begin = r.at+int64(r.used), 0, 0, -1
	r.leave()
	return true
}

// damaged says where and what; the place is that of the record which is not whole.
func (r *reader) damaged(cause error) error {
	return &damage{path: segmentPath(r.folder, r.begin), at: r.at + int64(r.used) - r.begin, cause: cause}
}

// fill reads on, in the next segment when this one is at its end.
func (r *reader) fill() (grown bool, err error) {
	buffer := *r.buffer
	copy(buffer, buffer[r.used:r.filled])
	r.at, r.filled, r.used = r.at+int64(r.used), r.filled-r.used, 0
	end, writing := r.written()
	for {
		room := buffer[r.filled:]
		if writing {
			if left := end - r.at - int64(r.filled); left < int64(len(room)) {
				room = room[:max(left, 0)]
			}
			if len(room) == 0 {
				return false, r.atEnd(end)
			}
		}
		if opened, err := r.open(); err != nil || !opened {
			return false, err
		}
		n, err := r.file.ReadAt(room, r.at+int64(r.filled)-r.begin)
		if r.filled += n; n > 0 {
			return true, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("read the log: %w", err)
		}
		if more, err := r.advance(writing); err != nil || !more {
			return false, err
		}
	}
}

// atEnd checks that a log which is being written ends behind a whole record, and
// that a reader did not ask for what is behind its end.
func (r *reader) atEnd(end int64) error {
	if r.at == r.from && r.at > end {
		return noCursor(r.from)
	}
	if r.filled > 0 {
		return r.damaged(errTorn)
	}
	return nil
}

// advance moves to the next segment. Without one this is the end, also when a
// record is there in part: it is what a crash left, and read anew in the next pass.
func (r *reader) advance(writing bool) (bool, error) {
	list, err := segments(r.folder)
	if err != nil {
		return false, err
	}
	for _, s := range list {
		switch {
		case s.begin <= r.begin:
		case s.begin == r.at && r.filled == 0:
			r.leave()
			r.begin = s.begin
			return true, nil
		default:
			return false, r.damaged(errHole)
		}
	}
	if writing {
		return false, r.damaged(errTorn)
	}
	return false, nil
}

// open opens the segment that has the cursor, unless it is open.
func (r *reader) open() (bool, error) {
	if r.file != nil {
		return true, nil
	}
	if r.begin < 0 {
		if found, err := r.locate(); err != nil || !found {
			return false, err
		}
	}
	opened, err := r.store.files.acquire(segmentPath(r.folder, r.begin), os.O_RDONLY)
	if err != nil {
		return false, fmt.Errorf("open the log: %w", err)
	}
	r.file = opened
	return true, nil
}

// locate finds the segment that has the cursor; none when there is no log.
func (r *reader) locate() (bool, error) {
	list, err := segments(r.folder)
	if err != nil || len(list) == 0 {
		return false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].begin > r.at {
			continue
		}
		info, err := os.Stat(list[i].path)
		if err != nil {
			return false, fmt.Errorf("open the log: %w", err)
		}
		if r.at > list[i].begin+info.Size() {
			break
		}
		r.begin = list[i].begin
		return true, nil
	}
	if r.at == 0 {
		return false, &damage{path: list[0].path, cause: errMissing}
	}
	return false, noCursor(r.at)
}

func noCursor(at int64) error {
	return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%d is no cursor of this log", at),
		Suggestions: []string{"read from the beginning, or from a cursor that this log gave"}}
}
