package logs

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Read implements core.LogStore. A cursor that this log did not give is Invalid.
// What a crash left of a last record is not shown.
func (s *Store) Read(ctx context.Context, executionID string, from core.Cursor, fn func(core.LogRecord, core.Cursor) error) error {
	folder, err := s.begin(executionID, from)
	if err != nil {
		return err
	}
	r := s.newReader(folder, from, func() (int64, bool) { return s.written(executionID) })
	_, err = r.pass(ctx, fn)
	return err
}

// Follow implements core.LogStore; cursors as in Read.
func (s *Store) Follow(ctx context.Context, executionID string, from core.Cursor, fn func(core.LogRecord, core.Cursor) error) error {
	folder, err := s.begin(executionID, from)
	if err != nil {
		return err
	}
	live := s.watch(executionID)
	defer s.unwatch(executionID, live)
	r := s.newReader(folder, from, live.written)
	for {
		grown := live.next() // before reading: what comes meanwhile is not missed
		sealed, err := r.pass(ctx, fn)
		if err != nil || sealed {
			return err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := pause(ctx, s.crowd(live)); err != nil {
			return err
		}
	}
}

// Who follows a log that many follow hears of it in bursts: to wake all of them for
// each line would leave no time for anything else. A few never wait.
const (
	fewFollowers  = 50
	followerPause = 50 * time.Microsecond // for each that follows
	maxCrowdPause = 500 * time.Millisecond
)

// crowd is how long the followers of a log wait for more before they read on.
func (s *Store) crowd(l *live) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.users <= fewFollowers {
		return 0
	}
	return min(time.Duration(l.users)*followerPause, maxCrowdPause)
}

func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) begin(executionID string, from core.Cursor) (folder string, err error) {
	if from < 0 {
		return "", noCursor(int64(from))
	}
	return s.folder(executionID)
}

// pass calls fn for the records that are there, and reports whether the last one
// was a seal.
func (r *reader) pass(ctx context.Context, fn func(core.LogRecord, core.Cursor) error) (sealed bool, err error) {
	defer r.rest()
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			return sealed, nil
		}
		if err != nil {
			return false, r.forReader(err)
		}
		if sealed = p.seal; sealed {
			continue
		}
		if err := fn(p.record, r.cursor()); err != nil {
			return false, err
		}
	}
}

// forReader gives the reader of a log words for what is wrong with it. What cannot
// be read from where he began is taken for a wrong cursor.
func (r *reader) forReader(err error) error {
	var damage *damage
	if !errors.As(err, &damage) {
		return err
	}
	if int64(r.cursor()) == r.from && r.from > 0 {
		known := noCursor(r.from).(*core.Error)
		known.Err = err
		return known
	}
	return &core.Error{Code: core.CodeInternal, Message: "the log is damaged", Err: err}
}
