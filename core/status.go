package core

// Status is where an execution, a stage, a step or an attempt stands. The words
// are those of the API.
type Status string

// The statuses. Waiting and Skipped are never the status of an attempt.
const (
	StatusPending   Status = "pending"
	StatusWaiting   Status = "waiting"
	StatusRunning   Status = "running"
	StatusSuccess   Status = "success"
	StatusFailed    Status = "failed"
	StatusCancelled Status = "cancelled"
	StatusTimeout   Status = "timeout"
	StatusSkipped   Status = "skipped"
)

// Statuses lists every status, in the order a run passes through them.
func Statuses() []Status {
	return []Status{StatusPending, StatusWaiting, StatusRunning, StatusSuccess,
		StatusFailed, StatusCancelled, StatusTimeout, StatusSkipped}
}

// Terminal reports whether nothing more will happen to what has this status.
func (s Status) Terminal() bool {
	switch s {
	case StatusSuccess, StatusFailed, StatusCancelled, StatusTimeout, StatusSkipped:
		return true
	default:
		return false
	}
}
