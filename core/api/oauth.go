package api

import (
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// flowLife is how long a browser keeps the cookie of a login that was begun.
const flowLife = 10 * time.Minute

// ListLogins serves GET /sessions/logins.
func (h *handlers) ListLogins(w http.ResponseWriter, _ *http.Request) {
	providers := []string{}
	if h.Logins != nil {
		providers = h.Logins.Names()
	}
	h.answer(w, http.StatusOK, LoginMethods{Providers: providers})
}

// BeginOAuth serves GET /sessions/oauth/{provider}.
func (h *handlers) BeginOAuth(w http.ResponseWriter, r *http.Request, provider Provider, params BeginOAuthParams) {
	if h.Logins == nil {
		h.absent(w, r, "logins by other services")
		return
	}
	to, cookie, err := h.Logins.Begin(r.Context(), provider, value(params.ReturnTo))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.setCookie(w, r, flowCookie, cookie, time.Now().Add(flowLife))
	h.redirect(w, to, http.StatusFound)
}

// FinishOAuth serves GET /sessions/oauth/{provider}/callback. What is in the query is
// for the one who made the flow's cookie to check.
func (h *handlers) FinishOAuth(w http.ResponseWriter, r *http.Request, provider Provider, _ FinishOAuthParams) {
	if h.Logins == nil {
		h.absent(w, r, "logins by other services")
		return
	}
	flow := h.cookieOf(r, flowCookie)
	h.setCookie(w, r, flowCookie, "", time.Time{})
	var in *core.Login
	var returnTo string
	err := h.throttled(w, r, func() (err error) {
		in, returnTo, err = h.Logins.Finish(r.Context(), provider, flow, r.URL.Query(), client(r))
		return err
	})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.loggedIn(r.Context(), in)
	h.setSession(w, r, in)
	h.redirect(w, returnTo, http.StatusSeeOther)
}

// redirect sends a browser on. The code in this request's URL goes no further.
func (h *handlers) redirect(w http.ResponseWriter, to string, status int) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}
