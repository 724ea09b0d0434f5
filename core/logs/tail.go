package logs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/patchbay-ci/patchbay/core"
)

// headerBuffer is how much is read at once where only headers matter: many short
// records, or the header of a long one.
const headerBuffer = 16 << 10

// Tail returns a cursor behind which there are about so many bytes of the log: no more
// than them, unless the last record alone has more. It is the beginning of a log that
// has no more. What it costs is bound by the size of a segment.
func (s *Store) Tail(ctx context.Context, executionID string, bytes int64) (core.Cursor, error) {
	folder, err := s.folder(executionID)
	if err != nil {
		return 0, err
	}
	list, err := segments(folder)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	end, err := s.end(executionID, list[len(list)-1])
	if err != nil || end-list[0].begin <= bytes {
		return 0, err
	}
	wanted := end - bytes
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].begin <= wanted {
			return s.boundary(ctx, list[i], wanted, end)
		}
	}
	return 0, nil // its first segments are missing: reading will say so
}

// end is the cursor at which a log ends now, given its last segment.
func (s *Store) end(executionID string, last segment) (int64, error) {
	if end, writing := s.written(executionID); writing {
		return end, nil
	}
	info, err := os.Stat(last.path)
	if err != nil {
		return 0, fmt.Errorf("open the log: %w", err)
	}
	return last.begin + info.Size(), nil
}

// boundary returns the cursor of the first record in the segment that begins at wanted
// or behind it. It follows the lengths in the headers from the segment's beginning: a
// place in the middle could have a record that a step has printed. What is no header
// ends the search where whole records end; reading from there says what is wrong.
func (s *Store) boundary(ctx context.Context, in segment, wanted, end int64) (core.Cursor, error) {
	shared, err := s.files.acquire(in.path, os.O_RDONLY)
	if err != nil {
		return 0, fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = s.files.release(shared) }() // it was only read
	buffer := make([]byte, headerBuffer)
	at, begin, filled := in.begin, in.begin, 0 // buffer[:filled] begins at the cursor begin
	for at < wanted {
		if at+headerSize > begin+int64(filled) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			n, err := shared.ReadAt(buffer[:min(int64(len(buffer)), max(end-at, 0))], at-in.begin)
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, fmt.Errorf("read the log: %w", err)
			}
			begin, filled = at, n
			if n < headerSize {
				break // the end of the segment
			}
		}
		header := buffer[at-begin:]
		length := binary.LittleEndian.Uint32(header)
		if length > maxRecord || header[headerSize-1] != formatVersion {
			break
		}
		next := at + headerSize + int64(length)
		if next > end {
			break // a crash left half of it
		}
		at = next
	}
	return core.Cursor(at), nil
}
