package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/patchbay-ci/patchbay/core"
)

// lostSuffix marks segments that a power failure cut off from their log. They are
// kept for people, and go with the log.
const lostSuffix = ".lost"

// recover reads what is there, to learn how far each attempt got, and cuts off what
// a crash left: a record that is not whole, and, after a power failure, places that
// were given to the file but never written. Their bytes are asked for again, since
// Offsets no longer claims them. Damage anywhere else is an error.
func (w *writer) recover(ctx context.Context) error {
	r := w.store.newReader(w.folder, 0, func() (int64, bool) { return 0, false })
	defer r.rest()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var found *damage
			if !errors.As(err, &found) {
				return err
			}
			if err := found.fromPowerFailure(); err != nil {
				return &core.Error{Code: core.CodeInternal, Message: fmt.Sprintf("the log of execution %q is damaged", w.executionID), Err: err}
			}
			break
		}
		if !p.seal {
			w.advance(p.record)
		}
	}
	w.begin, w.end = max(r.begin, 0), int64(r.cursor())
	return w.continueAt(w.begin)
}

// continueAt opens the segment that ends the log, and sets aside those behind it.
func (w *writer) continueAt(begin int64) error {
	list, err := segments(w.folder)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.begin > begin {
			if err := os.Rename(s.path, s.path+lostSuffix); err != nil {
				return fmt.Errorf("set aside a segment of the log: %w", err)
			}
		}
	}
	w.file, err = w.store.files.acquire(segmentPath(w.folder, begin), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return unwritable(err)
	}
	if err := w.file.Truncate(w.end - w.begin); err != nil {
		return errors.Join(unwritable(err), w.store.files.release(w.file))
	}
	return nil
}

// fromPowerFailure returns nil for damage as a power failure leaves it: a segment
// that is shorter than it was, or whose last record is followed by zeros at most.
func (d *damage) fromPowerFailure() error {
	switch {
	case errors.Is(d, errHole):
		return nil
	case errors.Is(d, errMissing):
		return d
	}
	content, err := os.ReadFile(d.path) // a segment at the most
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if d.at >= int64(len(content)) {
		return d
	}
	rest := content[d.at:]
	for _, b := range rest[min(claimed(rest), len(rest)):] {
		if b != 0 {
			return d
		}
	}
	return nil
}
