package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/patchbay-ci/patchbay/core"
)

// following is a request for an answer that goes on, which has begun.
func (p *people) following(path, secret string) (end func() error) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.server.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	response, err := p.server.Client().Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("%d", response.StatusCode)
	}
	return func() error {
		defer response.Body.Close()
		_, err := io.Copy(io.Discard, response.Body)
		return err
	}
}

// Who was let in follows no longer than they may, whatever it is that ends it; and the
// answer breaks off, so that nobody takes it for the end of the log.
func TestFollowingEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*people, *core.Login, string) error{
		"the session is revoked": func(p *people, in *core.Login, _ string) error {
			return p.service.EndSession(p.t.Context(), "", in.Session.ID, "x")
		},
		"the pipeline is shut": func(p *people, _ *core.Login, pipeline string) error {
			p.grant("viewer", pipeline, core.RoleNone)
			return nil
		},
		"the user is disabled": func(p *people, _ *core.Login, _ string) error {
			disabled := true
			_, err := p.service.UpdateUser(p.t.Context(), &core.Identity{}, "viewer", core.UserChange{Disabled: &disabled})
			return err
		},
		"the user is there no more": func(p *people, _ *core.Login, _ string) error {
			return p.service.DeleteUser(p.t.Context(), &core.Identity{}, "viewer")
		},
	} {
		for _, route := range []string{"events", "logs?follow=true"} {
			t.Run(name+", "+route, func(t *testing.T) {
				t.Parallel()
				p := newPeople(t, func(h *handlers) { h.recheck = time.Millisecond })
				pipeline := p.create()
				execution := p.trigger(pipeline) // which never ends
				in := p.login(p.secrets["viewer"])
				wait := p.following(fmt.Sprintf("/api/ci/executions/%s/%s", execution, route), in.Access)
				if err := end(p, in, pipeline); err != nil {
					t.Fatal(err)
				}
				if err := wait(); err == nil {
					t.Error("it looks like the end")
				}
			})
		}
	}
}

// A token that is revoked ends a WebSocket, with the reason.
func TestSocketEnds(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) { h.recheck = time.Millisecond })
	execution := p.trigger(p.create())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(p.server.URL, "http", "ws", 1)+"/api/ci/executions/"+execution+"/stream",
		&websocket.DialOptions{Subprotocols: []string{bearerProtocol, p.secrets["viewer"]}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	tokens, err := p.service.Tokens(ctx, p.users["viewer"].ID, core.Page{})
	if err == nil {
		err = p.service.RevokeToken(ctx, "", tokens[0].ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	if code := websocket.CloseStatus(err); code != websocket.StatusPolicyViolation {
		t.Errorf("%v", err)
	}
}
