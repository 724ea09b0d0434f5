package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// How long a drain may take, in seconds.
const (
	defaultDrain = 60
	maxDrain     = 3600
)

// GetQueue serves GET /queue.
func (h *handlers) GetQueue(w http.ResponseWriter, r *http.Request) {
	if h.Queue == nil {
		h.absent(w, r, "queue")
		return
	}
	state := h.Queue.Queue(r.Context())
	body := Queue{Paused: state.Paused, Running: state.Running, Waiting: state.Waiting, Slots: state.Slots, Entries: make([]QueueEntry, 0, len(state.Entries))}
	for _, e := range visibleOf(identity(r.Context()), state.Entries, func(e core.QueueEntry) string { return e.PipelineID }) {
		body.Entries = append(body.Entries, QueueEntry{ExecutionId: e.ExecutionID, PipelineId: e.PipelineID, PipelineName: e.PipelineName,
			Priority: e.Priority, Reason: e.Reason})
	}
	h.answer(w, http.StatusOK, body)
}

// PauseQueue serves POST /queue/pause.
func (h *handlers) PauseQueue(w http.ResponseWriter, r *http.Request) {
	h.changeQueue(w, r, func() error { return h.Queue.Pause(r.Context(), user(r.Context())) })
}

// ResumeQueue serves POST /queue/resume.
func (h *handlers) ResumeQueue(w http.ResponseWriter, r *http.Request) {
	h.changeQueue(w, r, func() error { return h.Queue.Resume(r.Context(), user(r.Context())) })
}

// DrainQueue serves POST /queue/drain.
func (h *handlers) DrainQueue(w http.ResponseWriter, r *http.Request, params DrainQueueParams) {
	limit := defaultDrain
	if params.Timeout != nil {
		limit = *params.Timeout
	}
	if limit < 1 || limit > maxDrain {
		h.fail(w, r, core.Errorf(core.CodeInvalid, "timeout is %d; it is between 1 and %d seconds", limit, maxDrain))
		return
	}
	h.changeQueue(w, r, func() error {
		wait := time.Duration(limit) * time.Second
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		// The server's own limits are for answers that come at once.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Time{})
		_ = control.SetWriteDeadline(time.Now().Add(wait + writeTimeout))
		err := h.Queue.Drain(ctx, user(ctx))
		if errors.Is(err, context.DeadlineExceeded) {
			return &core.Error{Code: core.CodeTimeout, Message: fmt.Sprintf("after %s executions still run", wait), Err: err,
				Suggestions: []string{"nothing new starts: wait longer, or cancel what runs"}}
		}
		return err
	})
}

// changeQueue answers with the queue as it is after a change.
func (h *handlers) changeQueue(w http.ResponseWriter, r *http.Request, change func() error) {
	if h.Queue == nil {
		h.absent(w, r, "queue")
		return
	}
	if err := change(); err != nil {
		h.fail(w, r, err)
		return
	}
	h.GetQueue(w, r)
}
