package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// trail is what the audit log will say of a request. A request has one goroutine that
// writes to it.
type trail struct {
	operation   string
	who, userID string
	target      string
	pipelineID  string
	details     map[string]string
	// credential says that the sender showed one, good or not.
	credential bool
	refused    bool
}

type trailKey struct{}

func withTrail(ctx context.Context, t *trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// trailOf is that of a request; the handlers run behind guarded.
func trailOf(ctx context.Context) *trail {
	if t, there := ctx.Value(trailKey{}).(*trail); there {
		return t
	}
	return &trail{}
}

func (t *trail) by(who, userID string) { t.who, t.userID = who, userID }

// note adds a detail: never one that lets somebody in.
func (t *trail) note(name, value string) {
	if t.details == nil {
		t.details = map[string]string{}
	}
	t.details[name] = value
}

// openAndKept are the operations without an identity that are kept, and openIfFailed
// those that are when they fail: each browser refreshes its session all day.
var (
	openAndKept  = []string{"login", "finishOAuth", "logout", "logoutByGet"}
	openIfFailed = []string{"refreshSession"}
)

// kept reports whether what becomes of a request is kept: of all that change something,
// but for deliveries of webhooks, which have a list of their own.
func (t *trail) kept(r *http.Request) bool {
	if t.who == "" {
		return slices.Contains(openAndKept, t.operation) || slices.Contains(openIfFailed, t.operation)
	}
	return !isSafe(r.Method)
}

// Outcomes of AuditEntry.
const (
	outcomeDone    = "done"
	outcomeRefused = "refused"
	outcomeFailed  = "failed"
)

func outcomeOf(status int) string {
	switch {
	case status < http.StatusBadRequest:
		return outcomeDone
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests:
		return outcomeRefused
	}
	return outcomeFailed
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// auditTimeout bounds how long an entry may take.
const auditTimeout = 5 * time.Second

// record keeps what became of a request. What strangers without a credential are
// refused is not kept: they could fill the disk with it. When it cannot be kept, the
// server's log says so; the request was answered.
func (h *handlers) record(w http.ResponseWriter, r *http.Request, t *trail, status int) {
	outcome := outcomeOf(status)
	strange := t.refused && !t.credential && !slices.Contains(openAndKept, t.operation)
	if h.Audit == nil || strange || outcome == outcomeDone && slices.Contains(openIfFailed, t.operation) {
		return
	}
	if t.refused {
		outcome = outcomeRefused // also by the not found of what is hidden
	}
	id, err := uuid.NewV7()
	if err != nil {
		h.log(r.Context()).Error("an entry of the audit log could not be made", "error", err)
		return
	}
	t.note("status", strconv.Itoa(status))
	entry := &core.AuditEntry{ID: id.String(), At: time.Now().UTC().Truncate(time.Microsecond), Who: t.who, UserID: t.userID, Action: t.operation,
		Target: t.target, Address: client(r).Address, RequestID: core.RequestID(r.Context()), Outcome: outcome, Details: t.details}
	if entry.Target == "" {
		entry.Target = targetOf(r)
	}
	if location := w.Header().Get("Location"); entry.Target == "" && location != "" {
		entry.Target = path.Base(location) // what was made
	}
	if t.pipelineID != "" && t.pipelineID != entry.Target {
		t.note("pipeline_id", t.pipelineID)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTimeout)
	defer cancel()
	if err := h.Audit.AppendAudit(ctx, entry); err != nil {
		h.log(r.Context()).Error("an entry of the audit log could not be stored", "action", entry.Action, "who", entry.Who, "outcome", outcome, "error", err)
	}
}

// ListAudit serves GET /audit.
func (h *handlers) ListAudit(w http.ResponseWriter, r *http.Request, params ListAuditParams) {
	if h.Audit == nil {
		h.absent(w, r, "audit log")
		return
	}
	page, err := pageOf(params.Limit, params.After)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	list, err := h.Audit.Audit(r.Context(), core.AuditFilter{Who: value(params.Who), Action: value(params.Action), Target: value(params.Target), Page: page})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]AuditEntry, 0, len(list))
	for _, e := range list {
		view := AuditEntry{Id: e.ID, At: e.At, Who: some(e.Who), UserId: some(e.UserID), Action: e.Action, Target: some(e.Target),
			Address: some(e.Address), RequestId: some(e.RequestID), Outcome: AuditEntryOutcome(e.Outcome)}
		if len(e.Details) > 0 {
			view.Details = &e.Details
		}
		body = append(body, view)
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, body)
}
