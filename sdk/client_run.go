package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// OutputChunk is a piece of a step's output.
type OutputChunk struct {
	// Stderr tells the two streams apart.
	Stderr bool
	// Offset of the first byte of Data in its stream.
	Offset int64
	// Data is valid until the method that is given it returns.
	Data []byte
}

// Events takes what an attempt says while it runs, one call at a time. An error
// ends the watching: the attempt is detached and Wait returns the error.
type Events interface {
	Output(chunk OutputChunk) error
	Progress(message string, percent int) error
	State(state []byte) error
	SetOutput(name, value string) error
}

// SpanEvents is an Events that also takes spans; see WithSpans.
type SpanEvents interface {
	Span(span SpanReport) error
}

// ReleaseEvents is an Events that also takes the release of an action that deploys. For
// others a release is an error.
type ReleaseEvents interface {
	Release(release Release) error
}

// RunningStep is an attempt that is being watched.
type RunningStep struct {
	ctx    context.Context
	detach context.CancelFunc
	stream connectorv1.ConnectorService_RunStepClient

	mu sync.Mutex // one sender at a time
}

// RunStep starts or joins an attempt. Ending ctx detaches from it: the work goes
// on. Call Wait, always.
func (c *Client) RunStep(ctx context.Context, r RunRequest) (*RunningStep, error) {
	watching, detach := context.WithCancel(ctx)
	stream, err := c.rpc.RunStep(watching)
	if err == nil {
		err = stream.Send(&connectorv1.RunStepRequest{Message: &connectorv1.RunStepRequest_Start{Start: runRequestToProto(r)}})
	}
	if err != nil && !errors.Is(err, io.EOF) { // after io.EOF, Wait learns the reason
		detach()
		return nil, errorFromStatus(ctx, err)
	}
	return &RunningStep{ctx: ctx, detach: detach, stream: stream}, nil
}

// Cancel asks the step to stop: by force when grace has passed. Wait still
// returns its result. It may be called again, from any goroutine.
func (s *RunningStep) Cancel(grace time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errorFromStatus(s.ctx, s.stream.Send(cancelToProto(grace)))
}

// Wait passes on what the attempt says until its result, and returns that.
func (s *RunningStep) Wait(events Events) (Result, error) {
	defer s.detach()
	for {
		response, err := s.stream.Recv()
		if err != nil {
			return Result{}, errorFromStatus(s.ctx, err)
		}
		if result := response.GetResult(); result != nil {
			return resultFromProto(result), nil
		}
		if err := dispatch(response, events); err != nil {
			return Result{}, err
		}
	}
}

func dispatch(response *connectorv1.RunStepResponse, events Events) error {
	switch m := response.GetMessage().(type) {
	case *connectorv1.RunStepResponse_Output:
		o := m.Output
		if len(o.GetData()) > MaxOutputChunk {
			return Errorf(ClassInternal, "the connector sent an output chunk of %d bytes; %d is the most", len(o.GetData()), MaxOutputChunk)
		}
		return events.Output(OutputChunk{Stderr: o.GetStream() == connectorv1.Stream_STREAM_STDERR,
			Offset: o.GetOffset(), Data: o.GetData()})
	case *connectorv1.RunStepResponse_Progress:
		return events.Progress(m.Progress.GetMessage(), int(m.Progress.GetPercent()))
	case *connectorv1.RunStepResponse_State:
		return events.State(m.State.GetData())
	case *connectorv1.RunStepResponse_SetOutput:
		return events.SetOutput(m.SetOutput.GetName(), m.SetOutput.GetValue())
	case *connectorv1.RunStepResponse_Span:
		if wants, ok := events.(SpanEvents); ok {
			return wants.Span(spanFromProto(m.Span))
		}
		return nil
	case *connectorv1.RunStepResponse_Release:
		takes, ok := events.(ReleaseEvents)
		if !ok {
			return Errorf(ClassInternal, "the connector sent a release to a host that does not deploy")
		}
		release := releaseFromProto(m.Release)
		if err := release.Check(); err != nil {
			return err
		}
		return takes.Release(release)
	default:
		return fmt.Errorf("the connector sent a message this host does not know: %T", m)
	}
}
