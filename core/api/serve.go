package api

import (
	"net/http"
	"time"
)

// Limits of the server; slow and oversized clients are disconnected.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// maxStreams is how many requests one HTTP/2 connection may have open.
	maxStreams = 250
	// writeTimeout bounds each write to a follower, not the whole answer.
	writeTimeout = 30 * time.Second
	// readTimeout bounds the arrival of a request's body.
	readTimeout = time.Minute
	// answerTimeout bounds a whole request; followers set their own time for each write.
	answerTimeout = 2 * time.Minute
)

// NewServer makes an HTTP server with limits on every phase of a request. It speaks
// HTTP/1.1, HTTP/2 over TLS, and with h2c also HTTP/2 without it, to clients that know
// so beforehand (RFC 9113, 3.3): for a proxy that does TLS.
func NewServer(address string, handler http.Handler, h2c bool) *http.Server {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: answerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, Protocols: protocols(h2c),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams}}
	tellFollowers(server)
	return server
}

func protocols(h2c bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(h2c)
	return p
}
