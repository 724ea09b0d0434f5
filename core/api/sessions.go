package api

import (
	"context"
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// Login serves POST /sessions/login.
func (h *handlers) Login(w http.ResponseWriter, r *http.Request) {
	var body LoginRequest
	if err := readJSON(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	if body.Token == "" {
		h.fail(w, r, core.Errorf(core.CodeInvalid, "token is missing"))
		return
	}
	var in *core.Login
	err := h.throttled(w, r, func() (err error) {
		in, err = h.Accounts.Login(r.Context(), body.Token, client(r))
		return err
	})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answerLogin(w, r, in, value(body.Cookie))
}

// answerLogin gives out tokens once: to a program in the answer, to a browser in
// cookies that no script can read.
func (h *handlers) answerLogin(w http.ResponseWriter, r *http.Request, in *core.Login, inCookies bool) {
	h.loggedIn(r.Context(), in)
	body := Login{User: userView(in.User), SessionId: in.Session.ID, ExpiresAt: in.AccessExpires, SessionExpiresAt: in.RefreshExpires}
	if inCookies {
		h.setSession(w, r, in)
	} else {
		body.AccessToken, body.RefreshToken, body.TokenType = &in.Access, &in.Refresh, some("Bearer")
	}
	w.Header().Set("Cache-Control", "no-store")
	h.answer(w, http.StatusOK, body)
}

// loggedIn tells the audit log who it was.
func (h *handlers) loggedIn(ctx context.Context, in *core.Login) {
	t := trailOf(ctx)
	t.by(in.User.Name, in.User.ID)
	t.target = in.Session.ID
	t.note("method", in.Session.Method)
}

// RefreshSession serves POST /sessions/refresh.
func (h *handlers) RefreshSession(w http.ResponseWriter, r *http.Request) {
	var body RefreshRequest
	if err := readJSON(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	token, inCookies := value(body.RefreshToken), false
	if token == "" {
		token, inCookies = h.cookieOf(r, refreshCookie), true
	}
	if token == "" {
		h.fail(w, r, &core.Error{Code: core.CodeUnauthenticated, Message: "the request has no refresh token",
			Suggestions: []string{"send {\"refresh_token\": …}, or log in"}})
		return
	}
	var in *core.Login
	err := h.throttled(w, r, func() (err error) {
		in, err = h.Accounts.Refresh(r.Context(), token, client(r))
		return err
	})
	if err != nil {
		if inCookies && core.CodeOf(err) == core.CodeUnauthenticated {
			h.dropSession(w, r)
		}
		h.fail(w, r, err)
		return
	}
	h.answerLogin(w, r, in, inCookies)
}

// Logout serves POST /sessions/logout.
func (h *handlers) Logout(w http.ResponseWriter, r *http.Request) {
	var body RefreshRequest
	err := readJSON(w, r, &body)
	if err == nil {
		err = h.endSession(r, value(body.RefreshToken))
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.dropSession(w, r)
	h.answer(w, http.StatusOK, Message{Message: "logged out"})
}

// LogoutByGet serves GET /sessions/logout.
func (h *handlers) LogoutByGet(w http.ResponseWriter, r *http.Request) { h.Logout(w, r) }

// endSession ends the session that a request is made in, by whichever of its tokens is
// there: the access token may have expired. When none of them is any good, there is
// nothing left to end.
func (h *handlers) endSession(r *http.Request, refresh string) error {
	ctx, t := r.Context(), trailOf(r.Context())
	if who, err := h.Accounts.Identify(ctx, h.credentialOf(r).text); err == nil && who.SessionID != "" {
		t.by(who.Name, who.UserID)
		t.target = who.SessionID
	}
	if refresh == "" {
		refresh = h.cookieOf(r, refreshCookie)
	}
	if session, err := h.Accounts.SessionOf(ctx, refresh); t.target == "" && err == nil {
		t.target, t.userID = session.ID, session.UserID
	}
	if t.target == "" {
		return nil
	}
	err := h.Accounts.EndSession(ctx, "", t.target, "logged out")
	if core.CodeOf(err) == core.CodeNotFound {
		return nil
	}
	return err
}

// LogoutEverywhere serves POST /sessions/logout/all.
func (h *handlers) LogoutEverywhere(w http.ResponseWriter, r *http.Request, params LogoutEverywhereParams) {
	userID, err := h.whose(r, params.User)
	n := 0
	if err == nil {
		trailOf(r.Context()).target = userID
		n, err = h.Accounts.EndSessions(r.Context(), userID, "", "logged out everywhere by "+user(r.Context()))
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if userID == identity(r.Context()).UserID {
		h.dropSession(w, r)
	}
	h.answer(w, http.StatusOK, SessionsEnded{Message: "logged out everywhere", Sessions: n})
}

// whose returns the ID of the user that a request is about: its sender's own unless it
// names another, which only an administrator may.
func (h *handlers) whose(r *http.Request, named *string) (string, error) {
	who := identity(r.Context())
	name := value(named)
	if name == "" || name == who.UserID || name == who.Name && who.UserID != "" {
		return who.UserID, nil
	}
	if who.RoleOn("") != core.RoleAdmin {
		return "", &core.Error{Code: core.CodeForbidden, Message: "only an administrator may ask for what another user has"}
	}
	found, err := h.Accounts.FindUser(r.Context(), name)
	if err != nil {
		return "", err
	}
	return found.ID, nil
}

// ListSessions serves GET /sessions.
func (h *handlers) ListSessions(w http.ResponseWriter, r *http.Request, params ListSessionsParams) {
	page, err := pageOf(params.Limit, params.After)
	var userID string
	if err == nil {
		userID, err = h.whose(r, params.User)
	}
	var list []*core.Session
	if err == nil {
		list, err = h.Accounts.Sessions(r.Context(), userID, page)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	current := identity(r.Context()).SessionID
	body := make([]Session, 0, len(list))
	for _, s := range list {
		body = append(body, Session{Id: s.ID, UserId: s.UserID, TokenId: some(s.TokenID), Method: s.Method, CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt,
			ExpiresAt: s.ExpiresAt, UserAgent: some(s.UserAgent), Address: some(s.Address), RevokedAt: s.RevokedAt, RevokeReason: some(s.RevokeReason),
			Current: s.ID == current})
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, body)
}

// RevokeSession serves DELETE /sessions/{id}.
func (h *handlers) RevokeSession(w http.ResponseWriter, r *http.Request, id Id) {
	if err := h.Accounts.EndSession(r.Context(), ownOnly(r), id, "revoked by "+user(r.Context())); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// nobodysID is the ID of no user.
const nobodysID = "-"

// ownOnly is the user whose things a request may end: "" for an administrator, who may
// end anybody's.
func ownOnly(r *http.Request) string {
	who := identity(r.Context())
	switch {
	case who.RoleOn("") == core.RoleAdmin:
		return ""
	case who.UserID == "":
		return nobodysID
	}
	return who.UserID
}

// RotateSigningKey serves POST /signing-keys/rotate.
func (h *handlers) RotateSigningKey(w http.ResponseWriter, r *http.Request) {
	if err := h.Accounts.Rotate(r.Context()); err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, Message{Message: "access tokens are signed with a new key"})
}
