package sdk

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// started is a connector whose step tells that it runs, waits for its context and
// tells how that ended.
func started(t testing.TB) (l *link, running chan struct{}, ended chan error) {
	t.Helper()
	running, ended = make(chan struct{}), make(chan error, 1)
	l = connectFunc(t, func(ctx context.Context, _ RunRequest, s *Session) (Result, error) {
		close(running)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		if _, cancelled := CancelGrace(ctx); cancelled {
			fmt.Fprint(s.Stdout(), "last words")
			return Cancelled(), nil
		}
		return Result{}, context.Cause(ctx)
	})
	return l, running, ended
}

func TestResultWithEverything(t *testing.T) {
	t.Parallel()
	want := filled[Result](t)
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		return want, errors.Join(s.SaveState([]byte("state")), s.SetOutput("name", "value"), s.Progress("p", 40), s.Progress("q", -7), s.Progress("r", 700))
	})
	var h heard
	got, err := runStep(t, l, RunRequest{}, &h)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{40, -1, 100}, h.progress); diff != "" {
		t.Error(diff)
	}
	if h.outputs["name"] != "value" || len(h.states) != 1 || h.states[0] != "state" {
		t.Errorf("got %v, %v", h.outputs, h.states)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	l, running, ended := started(t)
	step, err := l.client.RunStep(t.Context(), RunRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-running
	for range 2 { // the second changes nothing
		if err := step.Cancel(7 * time.Second); err != nil && !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
	}
	var h heard
	result, err := step.Wait(&h)
	if err != nil || result.Outcome != OutcomeCancelled || h.stdout.String() != "last words" {
		t.Errorf("got %+v, %v, %q", result, err, &h.stdout)
	}
	var cause *cancelRequest
	if err := <-ended; !errors.As(err, &cause) || cause.grace != 7*time.Second {
		t.Errorf("got %v", err)
	}
}

// TestDisconnect: losing the host detaches, unless it said that it won't be back.
func TestDisconnect(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(l *link, leave context.CancelFunc){
		"the caller leaves":     func(_ *link, leave context.CancelFunc) { leave() },
		"the connection breaks": func(l *link, _ context.CancelFunc) { l.conn.Close() },
		"the process is to end": func(l *link, _ context.CancelFunc) { l.server.disconnect() },
	} {
		for _, cancels := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cancel on disconnect %t", name, cancels), func(t *testing.T) {
				t.Parallel()
				l, running, ended := started(t)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				step, err := l.client.RunStep(ctx, RunRequest{CancelOnDisconnect: cancels})
				if err != nil {
					t.Fatal(err)
				}
				<-running
				lose(l, leave)
				cause := <-ended
				var c *cancelRequest
				if cancelled := errors.As(cause, &c); cancelled != cancels || !cancels && !errors.Is(cause, ErrDetached) {
					t.Errorf("the step's context ended because: %v", cause)
				}
				_, err = step.Wait(&heard{})
				switch {
				case name == "the caller leaves" && !errors.Is(err, context.Canceled):
					t.Errorf("the caller's own doing must stay that: %v", err)
				case name == "the connection breaks" && !errors.Is(err, ErrGone):
					t.Errorf("got %v, want ErrGone", err)
				case name == "the process is to end" && !cancels && !errors.Is(err, ErrGone):
					t.Errorf("got %v; a host that is still there must join again", err)
				}
				l.server.drain(time.Minute)
			})
		}
	}
}

// TestErrorOfEventsDetaches: a host that cannot store output lets go.
func TestErrorOfEventsDetaches(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	l := connectFunc(t, func(ctx context.Context, _ RunRequest, s *Session) (Result, error) {
		fmt.Fprint(s.Stdout(), "words")
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return Result{}, context.Cause(ctx)
	})
	full := errors.New("the disk is full")
	if _, err := runStep(t, l, RunRequest{}, &heard{onOutput: func() error { return full }}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if err := <-ended; !errors.Is(err, ErrDetached) {
		t.Errorf("got %v", err)
	}
}

// TestResultAfterDetach: a step that ends when nobody listens ends quietly.
func TestResultAfterDetach(t *testing.T) {
	t.Parallel()
	wrote := make(chan error, 1)
	running := make(chan struct{})
	l := connectFunc(t, func(ctx context.Context, _ RunRequest, s *Session) (Result, error) {
		close(running)
		<-ctx.Done()
		for { // until the transport has noticed
			if _, err := s.Stdout().Write(make([]byte, MaxOutputChunk)); err != nil {
				wrote <- err
				return Succeeded(), nil
			}
		}
	})
	ctx, leave := context.WithCancel(t.Context())
	step, err := l.client.RunStep(ctx, RunRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-running
	leave()
	if _, err := step.Wait(&heard{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-wrote; !errors.Is(err, ErrDetached) {
		t.Errorf("got %v", err)
	}
	l.server.drain(time.Minute)
}

// TestDescribeAfterTheEnd: a process that is gone is ErrGone for every method.
func TestGone(t *testing.T) {
	t.Parallel()
	l, _, _ := started(t)
	l.grpc.Stop()
	l.listener.Close()
	_, describe := l.client.Describe(t.Context())
	_, validate := l.client.ValidateConfig(t.Context(), ValidateRequest{})
	_, run := runStep(t, l, RunRequest{}, &heard{})
	for name, err := range map[string]error{"Describe": describe, "ValidateConfig": validate, "RunStep": run,
		"DestroyStep": l.client.DestroyStep(t.Context(), DestroyRequest{})} {
		if !errors.Is(err, ErrGone) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
