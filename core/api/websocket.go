package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/patchbay-ci/patchbay/core"
)

// bearerProtocol is the subprotocol behind which a browser, which can set no header,
// sends its token.
const bearerProtocol = "bearer"

// StreamExecution serves GET /ci/executions/{id}/stream.
func (h *handlers) StreamExecution(w http.ResponseWriter, r *http.Request, id Id, params StreamExecutionParams) {
	if !isUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		h.failWith(w, r, http.StatusUpgradeRequired, &core.Error{Code: core.CodeInvalid, Message: "this route speaks WebSocket only",
			Suggestions: []string{"GET /api/ci/executions/{id}/events has the same as server-sent events"}})
		return
	}
	filter := logFilter{value(params.Stage), value(params.Step), string(value(params.Stream))}
	err := h.checkOrigin(r)
	var s *streamer
	var e *core.Execution
	if err == nil {
		s, e, err = h.newStreamer(r.Context(), id, filter, value(params.Cursor))
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{bearerProtocol},
		InsecureSkipVerify: true, // checkOrigin did
		CompressionMode:    websocket.CompressionDisabled})
	if err != nil {
		h.log(r.Context()).Debug("a WebSocket was not accepted", "error", err) // it has answered
		return
	}
	defer func() { _ = conn.CloseNow() }()
	socket := &socket{conn: conn, patience: h.patience}
	s.to = socket
	h.closeSocket(r, socket, socket.serve(r.Context(), func(ctx context.Context) error { return s.run(ctx, e) }))
}

// closeSocket ends the connection with a code that says why, and what to do.
func (h *handlers) closeSocket(r *http.Request, s *socket, err error) {
	switch {
	case err == nil:
		_ = s.conn.Close(websocket.StatusNormalClosure, "")
	case errors.Is(err, errSlow):
		_ = s.conn.Close(websocket.StatusTryAgainLater, fmt.Sprintf("too slow; go on with cursor=%d", s.last))
	case errors.Is(err, errStopping):
		_ = s.conn.Close(websocket.StatusGoingAway, fmt.Sprintf("the server stops; go on with cursor=%d", s.last))
	case errors.Is(err, errNoLonger):
		_ = s.conn.Close(websocket.StatusPolicyViolation, "logged out, or the pipeline is not to be seen any more")
	case errors.Is(err, context.Canceled): // the client left
	default:
		h.log(r.Context()).Error("a log could not be sent", "path", r.URL.Path, "error", err)
		_ = s.conn.Close(websocket.StatusInternalError, "the log could not be read to its end; the server's log has the reason")
	}
}

// isUpgrade reports whether a client asks for a WebSocket (RFC 6455, 4.1).
func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// offeredToken is the token that follows "bearer" in the subprotocols of an upgrade.
func offeredToken(r *http.Request) string {
	if !isUpgrade(r) {
		return ""
	}
	offered := strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",")
	for i := range offered {
		offered[i] = strings.TrimSpace(offered[i])
	}
	if at := slices.Index(offered, bearerProtocol); at >= 0 && at+1 < len(offered) {
		return offered[at+1]
	}
	return ""
}

// checkOrigin refuses the pages of other sites. Programs send no origin.
func (h *handlers) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(h.Origins, origin) || origin == h.Web.PublicURL {
		return nil
	}
	if address, err := url.Parse(origin); err == nil && strings.EqualFold(address.Host, r.Host) {
		return nil
	}
	return &core.Error{Code: core.CodeForbidden, Message: fmt.Sprintf("pages of %.200q may not open WebSockets here", origin),
		Suggestions: []string{"the server must be told which other origins may"}}
}

// socket sends messages over a WebSocket to a client who may be slow or gone.
type socket struct {
	conn     *websocket.Conn
	patience patience
	last     core.Cursor // of the last event that was sent
	sending  atomic.Bool
}

// serve runs a stream until it ends or the client is gone, which it learns by listening
// and, when it is quiet, by asking.
func (s *socket) serve(ctx context.Context, stream func(context.Context) error) error {
	ctx, stop := untilStopping(ctx)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Not of ctx: its end would break the connection off before the reason is said.
	listening := s.conn.CloseRead(context.Background())
	defer context.AfterFunc(listening, func() { cancel(context.Canceled) })()
	go s.ping(ctx, cancel)
	err := stream(ctx)
	if errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// ping asks the client at times whether it is there.
func (s *socket) ping(ctx context.Context, gone context.CancelCauseFunc) {
	ticker := time.NewTicker(s.patience.quiet)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.sending.Load() {
			continue // send has a limit of its own
		}
		// Not of ctx: an interrupted frame would take the connection with it, and the
		// reason for its end could not be said.
		limit, done := context.WithTimeout(context.Background(), s.patience.slow)
		err := s.conn.Ping(limit)
		done()
		if err != nil && !s.sending.Load() {
			gone(errors.Join(errSlow, err))
			return
		}
	}
}

// begin implements transport: a message is a StreamMessage.
func (s *socket) begin(b []byte, id core.Cursor, name string) []byte {
	b = append(b, '{')
	if id > 0 {
		b = strconv.AppendInt(append(b, `"id":"`...), int64(id), 10)
		b = append(b, `",`...)
	}
	return append(append(append(b, `"event":"`...), name...), `","data":`...)
}

// finish implements transport.
func (s *socket) finish(b []byte) []byte { return append(b, '}') }

// send implements transport. A client that took long for a message has it whole, and is
// sent away then.
func (s *socket) send(frame []byte, id core.Cursor) error {
	s.sending.Store(true)
	defer s.sending.Store(false)
	began := time.Now()
	limit, cancel := context.WithTimeout(context.Background(), s.patience.lost)
	defer cancel()
	if err := s.conn.Write(limit, websocket.MessageText, frame); err != nil {
		return errors.Join(errSlow, err)
	}
	s.last = max(s.last, id)
	if time.Since(began) > s.patience.slow && id > 0 { // what has none is the end
		return errSlow
	}
	return nil
}
