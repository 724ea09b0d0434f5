package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/idempotency"
)

// keyed is what once needs to know of a request.
type keyed struct {
	// content is what makes it another request, besides its path.
	content []byte
	// made answers for an attempt that was broken off; nil for what makes nothing, and
	// can be done again.
	made answerMade
}

// answerMade answers with what has an ID, if there is something; with no
// ResponseWriter it only says so.
type answerMade func(w http.ResponseWriter, r *http.Request, id string) (bool, error)

// keptHeaders are the headers of an answer that are kept with it.
var keptHeaders = []string{"Content-Type", "Location", "ETag"}

// keyWriteTimeout bounds what has to be written down also when the client is gone.
const keyWriteTimeout = 5 * time.Second

// once calls do and answers with what do answers. When the request has an
// Idempotency-Key, it does so once: repeated, the same request gets the same answer; do
// is given the ID for what it makes then. Only what succeeded is kept: what was refused can be tried again with
// the same key, and what failed is looked up first.
func (h *handlers) once(w http.ResponseWriter, r *http.Request, key *string, k keyed, do func(w http.ResponseWriter, id string)) {
	if h.Keys == nil || key == nil {
		do(w, "")
		return
	}
	request := idempotency.Request{Who: user(r.Context()), Operation: operationOf(r.Context()).ID, Key: *key,
		Content: append([]byte(r.URL.Path+"\x00"), k.content...)}
	if k.made != nil {
		request.Made = func(_ context.Context, id string) (bool, error) { return k.made(nil, r, id) }
	}
	work, err := h.Keys.Begin(r.Context(), request)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if work.Answer != nil {
		replay(w, work.Answer)
		return
	}
	answer := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	if work.Made {
		_, err = k.made(answer, r, work.TargetID)
	} else {
		h.work(r, work, func() { do(answer, work.TargetID) })
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.keep(r.Context(), work, answer)
	answer.send(w)
}

// work runs do; should that panic, the next one finds out how far it got.
func (h *handlers) work(r *http.Request, work *idempotency.Work, do func()) {
	done := false
	defer func() {
		if !done {
			h.keep(r.Context(), work, &heldAnswer{status: http.StatusInternalServerError})
		}
	}()
	do()
	done = true
}

// keep writes an answer down, before it is sent. If that fails, what was made is known
// by its ID all the same.
func (h *handlers) keep(ctx context.Context, work *idempotency.Work, answer *heldAnswer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyWriteTimeout)
	defer cancel()
	var err error
	switch {
	case answer.status >= http.StatusInternalServerError:
		err = h.Keys.Abandon(ctx, work)
	case answer.status >= http.StatusMultipleChoices:
		err = h.Keys.Release(ctx, work)
	default:
		kept := core.KeptAnswer{Status: answer.status, Header: map[string]string{}, Body: answer.body.Bytes()}
		for _, name := range keptHeaders {
			if value := answer.header.Get(name); value != "" {
				kept.Header[name] = value
			}
		}
		err = h.Keys.Finish(ctx, work, kept)
	}
	if err != nil {
		h.Logger.Error("the answer to a request with a key could not be kept", "error", err)
	}
}

// replay answers as the first time.
func replay(w http.ResponseWriter, answer *core.KeptAnswer) {
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

// heldAnswer holds an answer back.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *heldAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *heldAnswer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *heldAnswer) Write(data []byte) (int, error) { return a.body.Write(data) }

func (a *heldAnswer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// contentOf is what a body says, however it was written.
func contentOf(body any) []byte {
	content, err := json.Marshal(body)
	if err != nil { // it was decoded from JSON
		return nil
	}
	return content
}
