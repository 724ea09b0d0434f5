package sqlite

import (
	"context"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/patchbay-ci/patchbay/core"
)

// translate gives users words for what SQLite says; errors that are core's own, or a
// context's, stay.
func translate(err error) error {
	var known *core.Error
	var sqlite *driver.Error
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errClosed):
		return &core.Error{Code: core.CodeUnavailable, Message: "the server is stopping", Err: err}
	case !errors.As(err, &sqlite):
		return &core.Error{Code: core.CodeInternal, Message: "the database failed", Err: err}
	}
	unavailable := func(message, suggestion string) error {
		return &core.Error{Code: core.CodeUnavailable, Message: message, Suggestions: []string{suggestion}, Err: err}
	}
	switch sqlite.Code() & 0xff { // the primary code; see https://sqlite.org/rescode.html
	case codes.SQLITE_INTERRUPT: // only the end of a context interrupts
		return fmt.Errorf("%w: %w", context.Canceled, err)
	case codes.SQLITE_FULL:
		return unavailable("the disk of the data folder is full", "make room; nothing that was acknowledged is lost")
	case codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
		return unavailable("the database cannot be written", "see that the data folder is there and writable")
	case codes.SQLITE_IOERR:
		return unavailable("the disk of the data folder does not take writes", "see that it has room and works")
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return unavailable("the database is in use by another program", "try again")
	default:
		return &core.Error{Code: core.CodeInternal, Message: "the database failed", Err: err}
	}
}

// taken reports whether a row with this key is there already.
func taken(err error) bool {
	var sqlite *driver.Error
	return errors.As(err, &sqlite) && sqlite.Code()&0xff == codes.SQLITE_CONSTRAINT
}
