package sdk

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestErrorsOverTheWire(t *testing.T) {
	t.Parallel()
	for _, pair := range errorClasses {
		t.Run(string(pair.word), func(t *testing.T) {
			t.Parallel()
			want := &Error{Class: pair.word, Message: "it broke", Suggestion: "mend it", Pointer: "/a/b", Err: errors.New("the cause stays at home")}
			l := connectFunc(t, func(context.Context, RunRequest, *Session) (Result, error) {
				return Result{}, fmt.Errorf("wrapped: %w", want)
			})
			_, err := runStep(t, l, RunRequest{}, &heard{})
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Error{}, "Err")); diff != "" {
				t.Errorf("-sent +received:\n%s", diff)
			}
			if got.Err != nil {
				t.Errorf("the cause crossed the wire: %v", got.Err)
			}
			if ClassOf(err) != pair.word {
				t.Errorf("class is %s", ClassOf(err))
			}
		})
	}
}

func TestErrorOfNoClassIsInternal(t *testing.T) {
	t.Parallel()
	l := connectFunc(t, func(context.Context, RunRequest, *Session) (Result, error) {
		return Result{}, errors.New("broken \xff text")
	})
	_, err := runStep(t, l, RunRequest{}, &heard{})
	if ClassOf(err) != ClassInternal || err.Error() != "broken \uFFFD text" {
		t.Errorf("got %s: %v", ClassOf(err), err)
	}
}

func TestErrorFromStatus(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the caller had enough")
	cancel(reason)
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want error
	}{
		"nothing":                   {context.Background(), nil, nil},
		"dead":                      {context.Background(), status.Error(codes.Unavailable, "closing"), ErrGone},
		"stream ended":              {context.Background(), status.Error(codes.Canceled, "x"), ErrGone},
		"dead, but the caller left": {ended, status.Error(codes.Unavailable, "closing"), reason},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := errorFromStatus(test.ctx, test.err); !errors.Is(got, test.want) || (got == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if got := errorFromStatus(context.Background(), status.Error(codes.ResourceExhausted, "too big")); ClassOf(got) != ClassInternal {
		t.Errorf("got %v", got)
	}
	typed := errorToStatus(Errorf(ClassNotFound, "no such thing"))
	if got := errorFromStatus(ended, typed); ClassOf(got) != ClassNotFound {
		t.Errorf("what the connector said is worth more than that the caller left: %v", got)
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := Errorf(ClassTimeout, "too slow: %w", cause)
	if !errors.Is(err, cause) || err.Error() != "too slow: cause" || ClassOf(nil) != "" {
		t.Errorf("got %v", err)
	}
}
