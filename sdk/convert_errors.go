package sdk

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// statusCodes are what a peer that does not know ErrorDetail sees.
var statusCodes = map[ErrorClass]codes.Code{
	ClassInvalidConfig:   codes.InvalidArgument,
	ClassAuthentication:  codes.Unauthenticated,
	ClassNotFound:        codes.NotFound,
	ClassExternalService: codes.FailedPrecondition,
	ClassTimeout:         codes.DeadlineExceeded,
	ClassCancelled:       codes.Canceled,
	ClassLost:            codes.DataLoss,
	ClassInternal:        codes.Internal,
}

// errorToStatus makes a gRPC status with an ErrorDetail of any error.
func errorToStatus(err error) error {
	detail := &connectorv1.ErrorDetail{Class: errorClasses.toProto(ClassOf(err)), Message: err.Error()}
	var e *Error
	if errors.As(err, &e) {
		detail.Message, detail.Suggestion, detail.Pointer = e.Message, e.Suggestion, e.Pointer
	}
	detail.Message, detail.Suggestion, detail.Pointer = text(detail.Message), text(detail.Suggestion), text(detail.Pointer)
	s := status.New(statusCodes[ClassOf(err)], detail.Message)
	if with, attachErr := s.WithDetails(detail); attachErr == nil {
		s = with
	}
	return s.Err()
}

// maxClockSkew is by how much a peer may be early with the caller's deadline.
const maxClockSkew = time.Second

// errorFromStatus undoes errorToStatus. A connection that broke becomes ErrGone;
// a context of the caller's that ended stays what it was.
func errorFromStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	s, _ := status.FromError(err)
	for _, d := range s.Details() {
		if detail, ok := d.(*connectorv1.ErrorDetail); ok {
			return &Error{Class: errorClasses.fromProto(detail.GetClass()), Message: detail.GetMessage(),
				Suggestion: detail.GetSuggestion(), Pointer: detail.GetPointer()}
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if deadline, limited := ctx.Deadline(); limited && s.Code() == codes.DeadlineExceeded && time.Until(deadline) < maxClockSkew {
		<-ctx.Done() // the peer's timer for the caller's deadline fired first
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) || s.Code() == codes.Unavailable || s.Code() == codes.Canceled {
		return ErrGone
	}
	return &Error{Class: ClassInternal, Message: s.Message(), Err: err}
}
