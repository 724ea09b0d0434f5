package sdk

import (
	"errors"
	"fmt"
)

// ErrorClass says what kind of trouble a connector is in.
type ErrorClass string

// The error classes. They survive the wire.
const (
	ClassInvalidConfig   ErrorClass = "invalid_config"
	ClassAuthentication  ErrorClass = "authentication"
	ClassNotFound        ErrorClass = "not_found"
	ClassExternalService ErrorClass = "external_service"
	ClassTimeout         ErrorClass = "timeout"
	ClassCancelled       ErrorClass = "cancelled"
	// ClassLost: the attempt's work was there and is gone.
	ClassLost     ErrorClass = "lost"
	ClassInternal ErrorClass = "internal"
)

// Error is a connector that broke, as opposed to a step that failed.
type Error struct {
	Class ErrorClass
	// Message is for users: no secrets, no internals.
	Message string
	// Suggestion says what to do; may be empty.
	Suggestion string
	// Pointer is a JSON Pointer into the config; may be empty.
	Pointer string
	// Err is the cause; it does not cross the wire.
	Err error
}

// Errorf makes an Error. A cause wrapped with %w is kept.
func Errorf(class ErrorClass, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Class: class, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the first Error in err's chain, ClassInternal for
// any other error, and "" for nil.
func ClassOf(err error) ErrorClass {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ClassInternal
}

// ErrDetached is the cause of a context that ended because the host let go of
// the step: the work goes on without anybody watching.
var ErrDetached = errors.New("detached: the host let go of the step")

// ErrGone is returned by Client when the connector's process died or closed the
// stream without a result. Launch it again and call again.
var ErrGone = errors.New("the connector's process is gone")
