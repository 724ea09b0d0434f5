package trigger

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// remember stores with an execution the place in a trace that it is triggered from: it
// runs later, perhaps in another process, and goes on there.
func remember(ctx context.Context, e *core.Execution) {
	place := core.TraceOf(ctx)
	e.Traceparent, e.Tracestate = place.Traceparent(), place.State
}
