package sdk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// RunStep serves one attempt on one stream.
func (s *server) RunStep(stream connectorv1.ConnectorService_RunStepServer) error {
	s.attempts.Add(1)
	defer s.attempts.Done()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return errorToStatus(Errorf(ClassInternal, "the first message of RunStep must be Start"))
	}
	request := runRequestFromProto(start)
	session := newSession(request.Offsets, stream.Send)
	// The attempt's context must outlive the stream, or a lost host could not be
	// told apart from a cancellation.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(stream.Context()))
	defer cancel(nil)
	go s.watch(stream, request.CancelOnDisconnect, cancel)

	ctx, span := session.begin(ctx, strings.TrimSpace(nameOf(s.connector)+" "+request.Step.Action))
	result, err := s.run(ctx, request, session)
	span.End(err)
	session.close()
	switch {
	case errors.Is(context.Cause(ctx), ErrDetached):
		// A host that is still there, because only this process is to end, must see
		// what it sees when a process dies, and join again.
		return status.Error(codes.Unavailable, ErrDetached.Error())
	case err != nil:
		return errorToStatus(err)
	}
	return stream.Send(&connectorv1.RunStepResponse{
		Message: &connectorv1.RunStepResponse_Result{Result: resultToProto(result)}})
}

// run is the connector's RunStep, guarded.
func (s *server) run(ctx context.Context, request RunRequest, session *Session) (result Result, err error) {
	defer s.guard("RunStep "+request.Step.AttemptID, &err)
	return s.connector.RunStep(ctx, request, session)
}

// guard, deferred, turns a panic of one call into an error of that call: the others
// go on. A panic in a goroutine of the connector's own still ends the process.
func (s *server) guard(call string, err *error) {
	if r := recover(); r != nil {
		Logger(nameOf(s.connector)).Error("panic", "call", call, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		*err = Errorf(ClassInternal, "the connector panicked; its log has the details")
	}
}

// watch ends the attempt's context when the host cancels, lets go or dies. It
// returns when the stream ends, at the latest with RunStep itself.
func (s *server) watch(stream connectorv1.ConnectorService_RunStepServer, cancelOnDisconnect bool, cancel context.CancelCauseFunc) {
	stop := context.AfterFunc(s.stopping, func() { cancel(disconnected(cancelOnDisconnect)) })
	defer stop()
	for {
		message, err := stream.Recv()
		if err != nil {
			cancel(disconnected(cancelOnDisconnect))
			return
		}
		if c := message.GetCancel(); c != nil {
			cancel(&cancelRequest{grace: c.GetGrace().AsDuration()})
		}
	}
}

func disconnected(cancelOnDisconnect bool) error {
	if cancelOnDisconnect {
		return &cancelRequest{grace: DisconnectGrace}
	}
	return ErrDetached
}
