package sdk

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// The metadata of a call in which its place in a trace travels: the header names of
// W3C Trace Context, where any gRPC instrumentation looks for them.
const (
	traceparentKey = "traceparent"
	tracestateKey  = "tracestate"
)

// WithTrace makes the calls of a Client with ctx carry a place in a trace to the
// connector. An empty traceparent carries nothing.
func WithTrace(ctx context.Context, traceparent, tracestate string) context.Context {
	if traceparent == "" {
		return ctx
	}
	ctx = metadata.AppendToOutgoingContext(ctx, traceparentKey, traceparent)
	if tracestate != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, tracestateKey, tracestate)
	}
	return ctx
}

// TraceOf is the place in a trace that the host's call was made from, as the headers
// traceparent and tracestate of W3C Trace Context; both are empty when nothing is
// traced. The ctx is the one that a connector's method is given. Hand them on to what
// the step calls; the steps of the shell and docker connectors find them in their
// environment, as TRACEPARENT and TRACESTATE.
func TraceOf(ctx context.Context) (traceparent, tracestate string) {
	if here, inside := ctx.Value(placeKey{}).(place); inside {
		return here.traceparent(), here.state
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	return only(incoming.Get(traceparentKey)), only(incoming.Get(tracestateKey))
}

func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}
