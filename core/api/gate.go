package api

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

const (
	// gatePatience is how long a request waits for a server that starts.
	gatePatience = 10 * time.Second
	// maxAtGate is how many wait at once; those too many are told to come again.
	maxAtGate = 1000
)

// Gate answers for a server that is starting: probes at once, and all else when it is
// there. It is safe for concurrent use.
type Gate struct {
	inside  atomic.Pointer[http.Handler]
	opened  chan struct{}
	waiting chan struct{}
}

// NewGate makes a gate that is closed.
func NewGate() *Gate {
	return &Gate{opened: make(chan struct{}), waiting: make(chan struct{}, maxAtGate)}
}

// Open lets requests through to the server from now on. Call it once.
func (g *Gate) Open(server http.Handler) {
	g.inside.Store(&server)
	close(g.opened)
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if inside := g.inside.Load(); inside != nil {
		(*inside).ServeHTTP(w, r)
		return
	}
	switch r.URL.Path {
	case "/livez", apiBase + "/livez":
		answerStarting(w, http.StatusOK, healthJSON, Readiness{Status: ReadinessStatusPass})
		return
	case "/readyz", apiBase + "/readyz":
		answerStarting(w, http.StatusServiceUnavailable, healthJSON, Readiness{Status: ReadinessStatusFail, Output: some("not ready: starting")})
		return
	}
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
		timer := time.NewTimer(gatePatience)
		defer timer.Stop()
		select {
		case <-g.opened:
			(*g.inside.Load()).ServeHTTP(w, r)
			return
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	default:
	}
	answerStarting(w, http.StatusServiceUnavailable, "application/json", Error{Error: answers[core.CodeUnavailable].family, Message: "the server is starting",
		Suggestions: []string{"try again in a moment"}, Timestamp: time.Now().UTC(), Status: http.StatusServiceUnavailable})
}

func answerStarting(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if status != http.StatusOK {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who does not listen any more needs no answer
}
