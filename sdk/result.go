package sdk

import "fmt"

// Outcome of an attempt that the connector saw to its end.
type Outcome string

// The outcomes.
const (
	OutcomeSucceeded Outcome = "succeeded"
	OutcomeFailed    Outcome = "failed"
	OutcomeCancelled Outcome = "cancelled"
)

// Result is how an attempt ended.
type Result struct {
	Outcome Outcome
	// ExitCode is nil when there was no process or a signal ended it.
	ExitCode *int
	// Signal is the name of the signal that ended the process ("SIGKILL").
	Signal string
	// Message is one line for people.
	Message string
	// Metadata has facts worth keeping.
	Metadata map[string]string
}

// Succeeded is the result of work that went well.
func Succeeded() Result { return Result{Outcome: OutcomeSucceeded} }

// Failed is the result of work that went wrong, without an exit code.
func Failed(format string, args ...any) Result {
	return Result{Outcome: OutcomeFailed, Message: fmt.Sprintf(format, args...)}
}

// Exited is the result of a process that ended by itself: success for code 0.
func Exited(code int) Result {
	if code == 0 {
		return Result{Outcome: OutcomeSucceeded, ExitCode: &code}
	}
	return Result{Outcome: OutcomeFailed, ExitCode: &code, Message: fmt.Sprintf("exit code %d", code)}
}

// Signalled is the result of a process that a signal ended.
func Signalled(name string) Result {
	return Result{Outcome: OutcomeFailed, Signal: name, Message: "ended by " + name}
}

// Cancelled is the result of work that stopped because it was asked to.
func Cancelled() Result { return Result{Outcome: OutcomeCancelled, Message: "cancelled"} }
