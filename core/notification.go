package core

import (
	"context"
	"time"
)

// NotificationEvent is what a notification tells of.
type NotificationEvent string

// The notification events. Pending is only told to forges.
const (
	NotifyPending NotificationEvent = "pending"
	NotifyStart   NotificationEvent = "start"
	NotifySuccess NotificationEvent = "success"
	// NotifyFailure is the end of a run that failed or took too long.
	NotifyFailure NotificationEvent = "failure"
	NotifyCancel  NotificationEvent = "cancel"
)

// EndEvent is the event of a run that ended with a status, "" for one that has not.
func EndEvent(s Status) NotificationEvent {
	switch s {
	case StatusSuccess, StatusSkipped:
		return NotifySuccess
	case StatusFailed, StatusTimeout:
		return NotifyFailure
	case StatusCancelled:
		return NotifyCancel
	default:
		return ""
	}
}

// NotificationState is what became of a notification.
type NotificationState string

// The notification states.
const (
	NotificationPending NotificationState = "pending"
	NotificationSent    NotificationState = "sent"
	// NotificationFailed: no more tries; LastError says why.
	NotificationFailed NotificationState = "failed"
	// NotificationSkipped: there was nothing to send, or nothing any more; LastError
	// says why.
	NotificationSkipped NotificationState = "skipped"
)

// Notification is one message about one event of an execution to one target. What it
// says is made of the execution when it is sent.
type Notification struct {
	// ID is made of the execution, the list in the file and the place in it, so that
	// one message has one ID however often it is thought of. Receivers get it.
	ID          string            `json:"id" bson:"_id"`
	ExecutionID string            `json:"execution_id" bson:"execution_id"`
	PipelineID  string            `json:"pipeline_id" bson:"pipeline_id"`
	Event       NotificationEvent `json:"event" bson:"event"`
	// List and Index say which target of the pipeline's revision it is: "on_failure"
	// and a place from 0. ForgeList is the report that no file asks for.
	List  string `json:"list" bson:"list"`
	Index int    `json:"index" bson:"index"`
	// TargetType is as in the file: email, slack, webhook, or the name of a connector.
	TargetType string `json:"target_type" bson:"target_type"`
	// Target says for people where it goes, without secrets.
	Target string            `json:"target" bson:"target"`
	State  NotificationState `json:"state" bson:"state"`
	// Attempts are the tries that came to an end, since a person last asked for one.
	Attempts  int    `json:"attempts" bson:"attempts"`
	LastError string `json:"last_error,omitempty" bson:"last_error,omitempty"`
	// NextAt is when the next try is due while it is pending.
	NextAt    time.Time  `json:"next_at" bson:"next_at"`
	CreatedAt time.Time  `json:"created_at" bson:"created_at"`
	UpdatedAt time.Time  `json:"updated_at" bson:"updated_at"`
	SentAt    *time.Time `json:"sent_at,omitempty" bson:"sent_at,omitempty"`
	Version   int64      `json:"version" bson:"version"`
}

// ForgeList is Notification.List of the reports to the forge that started a run.
const ForgeList = "forge"

// NotificationStore is the outbox of notifications. It is safe for concurrent use.
type NotificationStore interface {
	// AddNotification stores n and sets its Version to 1, unless there is one with its
	// ID: then it is Conflict. It survives a crash of the server.
	AddNotification(ctx context.Context, n *Notification) error
	// UpdateNotification stores n if the stored version is still n.Version, and returns
	// Conflict otherwise. It increments n.Version.
	UpdateNotification(ctx context.Context, n *Notification) error
	// Notification returns NotFound when there is none.
	Notification(ctx context.Context, id string) (*Notification, error)
	// Notifications lists those of an execution, by ID.
	Notifications(ctx context.Context, executionID string) ([]*Notification, error)
	// PendingNotifications lists at most limit that are pending, the next due first.
	PendingNotifications(ctx context.Context, limit int) ([]*Notification, error)
}

// NotificationKeeper is what the API needs of notifications. It is safe for concurrent
// use.
type NotificationKeeper interface {
	// Notifications lists those of an execution in the order in which they were made.
	Notifications(ctx context.Context, executionID string) ([]*Notification, error)
	// RetryNotification has a notification that failed, or that waits for its next try,
	// sent now, with all tries before it. One that was sent or skipped is Conflict.
	RetryNotification(ctx context.Context, executionID, id string) (*Notification, error)
}
