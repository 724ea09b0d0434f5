package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// followed are the operations whose answers go on for as long as an execution does.
var followed = []string{"getLogs", "getEvents", "streamExecution"}

// recheckEvery is how long somebody may go on following who may not any more.
const recheckEvery = 15 * time.Second

// errNoLonger says that the sender of a request may not make it any more.
var errNoLonger = errors.New("who follows may not any more")

// whileAllowed serves a request that may take hours, and breaks the answer off when its
// sender was logged out, or lost the pipeline. An access token that merely expires
// breaks nothing off: the session counts.
func (h *handlers) whileAllowed(w http.ResponseWriter, r *http.Request, who *core.Identity, operation string, next http.Handler) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	var timer *time.Timer
	timer = time.AfterFunc(time.Hour, func() {
		err := h.stillAllowed(r.WithContext(ctx), who, operation)
		switch code := core.CodeOf(err); {
		case ctx.Err() != nil:
		case code == core.CodeUnauthenticated, code == core.CodeForbidden, code == core.CodeNotFound:
			cancel(errNoLonger)
		default: // also when the store has no answer: it had one when this began
			timer.Reset(h.recheck)
		}
	})
	defer timer.Stop()
	timer.Reset(h.recheck)
	next.ServeHTTP(w, r.WithContext(ctx))
	if errors.Is(context.Cause(ctx), errNoLonger) {
		panic(http.ErrAbortHandler) // it must not look like the end
	}
}

func (h *handlers) stillAllowed(r *http.Request, who *core.Identity, operation string) error {
	who, err := h.Accounts.Renew(r.Context(), who)
	if err != nil {
		return err
	}
	_, err = h.mayAsk(r, who, operation)
	return err
}

func isFollowed(operation string) bool { return slices.Contains(followed, operation) }
