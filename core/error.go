package core

import (
	"errors"
	"fmt"
)

// ErrorCode says what kind of trouble it is. Adapters translate it: the API to
// an HTTP status and one of its five families, the CLI to an exit code.
type ErrorCode string

// The error codes.
const (
	CodeInvalid          ErrorCode = "invalid"
	CodeUnauthenticated  ErrorCode = "unauthenticated"
	CodeForbidden        ErrorCode = "forbidden"
	CodeNotFound         ErrorCode = "not_found"
	CodeConflict         ErrorCode = "conflict"
	CodeTooLarge         ErrorCode = "too_large"
	CodeTooMany          ErrorCode = "too_many"
	CodeUnsupportedMedia ErrorCode = "unsupported_media"
	CodeUnavailable      ErrorCode = "unavailable"
	CodeExternal         ErrorCode = "external"
	CodeTimeout          ErrorCode = "timeout"
	CodeInternal         ErrorCode = "internal"
)

// Error is an error for a user: what happened, more about it, what to do.
// Message, Details and Suggestions may be shown to anyone who may make the
// request; Err is for the log only.
type Error struct {
	Code        ErrorCode
	Message     string
	Details     string
	Suggestions []string
	Diagnostics []Diagnostic
	Err         error
}

// Error returns the message and, for logs, the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose message is formatted as by fmt.Sprintf.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first Error in err's chain, CodeInternal for
// any other error, and "" for nil.
func CodeOf(err error) ErrorCode {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// NotFound is the error of a lookup by ID that found nothing.
func NotFound(noun, id string) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no %s %q", noun, id)}
}

// Conflict is the error of a conditional update that came too late: the document
// has another version by now. Read it again, decide again, write again.
func Conflict(noun, id string) *Error {
	return &Error{Code: CodeConflict, Message: fmt.Sprintf("%s %q was changed by somebody else", noun, id),
		Suggestions: []string{"read it again and repeat the change"}}
}
