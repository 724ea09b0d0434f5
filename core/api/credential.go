package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// credential is what a request shows of who sent it.
type credential struct {
	text string
	// ambient says that the browser has sent it by itself, on whatever page it was: a
	// cookie.
	ambient bool
}

// credentialOf prefers what a program has set to what a browser has kept.
func (h *handlers) credentialOf(r *http.Request) credential {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return credential{text: strings.TrimSpace(token)}
	}
	if token := offeredToken(r); token != "" {
		return credential{text: token}
	}
	if token := h.cookieOf(r, accessCookie); token != "" {
		return credential{text: token, ambient: true}
	}
	return credential{}
}

// The cookies. Their names have prefixes over HTTPS, by which browsers know that no
// other site has set them (RFC 6265bis, 4.1.3).
const (
	accessCookie  = "patchbay_session"
	refreshCookie = "patchbay_refresh"
	flowCookie    = "patchbay_login"

	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"
	// sessionsPath is where the cookies go that only the routes of sessions need.
	sessionsPath = "/api/sessions"
)

// cookieName is what a cookie of ours is called on this connection. Over HTTPS no other
// name counts: a neighbouring site could have set it.
func (h *handlers) cookieName(r *http.Request, name string) string {
	switch {
	case !h.isSecure(r):
		return name
	case name == accessCookie:
		return hostPrefix + name
	default:
		return securePrefix + name
	}
}

// cookieOf returns the value of a cookie of ours, and "" when there is none.
func (h *handlers) cookieOf(r *http.Request, name string) string {
	cookie, err := r.Cookie(h.cookieName(r, name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie sets a cookie of ours, or removes it when there is no value. The access
// token goes with navigations from other sites (Lax), so that a link to a page of ours
// works: what changes something is protected by checking its origin. The refresh token
// does not.
func (h *handlers) setCookie(w http.ResponseWriter, r *http.Request, name, value string, until time.Time) {
	cookie := &http.Cookie{Name: h.cookieName(r, name), Value: value, Path: sessionsPath, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.isSecure(r)}
	switch name {
	case accessCookie:
		cookie.Path = "/"
	case refreshCookie:
		cookie.SameSite = http.SameSiteStrictMode
	}
	if value == "" {
		cookie.MaxAge = -1
	} else {
		cookie.MaxAge = int(wholeSeconds(time.Until(until)))
	}
	http.SetCookie(w, cookie)
}

// setSession gives a browser the tokens of a session.
func (h *handlers) setSession(w http.ResponseWriter, r *http.Request, in *core.Login) {
	h.setCookie(w, r, accessCookie, in.Access, in.AccessExpires)
	h.setCookie(w, r, refreshCookie, in.Refresh, in.RefreshExpires)
}

// dropSession takes them back.
func (h *handlers) dropSession(w http.ResponseWriter, r *http.Request) {
	h.setCookie(w, r, accessCookie, "", time.Time{})
	h.setCookie(w, r, refreshCookie, "", time.Time{})
}
