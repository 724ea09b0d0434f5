package sdk

import (
	"context"
	"testing"
)

// A connector's method finds the place in the trace in its context, in RunStep as in
// the calls around it.
func TestTraceReachesTheConnector(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct{ parent, state string }{
		"traced":     {parent, "vendor=1"},
		"no state":   {parent, ""},
		"not traced": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan [2]string, 1)
			l := connectFunc(t, func(ctx context.Context, _ RunRequest, _ *Session) (Result, error) {
				parent, state := TraceOf(ctx)
				seen <- [2]string{parent, state}
				return Result{Outcome: OutcomeSucceeded}, nil
			})
			step, err := l.client.RunStep(WithTrace(t.Context(), test.parent, test.state), RunRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := step.Wait(&heard{}); err != nil {
				t.Fatal(err)
			}
			if got := <-seen; got != [2]string{test.parent, test.state} {
				t.Errorf("%q", got)
			}
		})
	}
}
