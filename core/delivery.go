package core

import (
	"context"
	"io"
	"time"
)

// MaxDelivery is the longest body of a delivery in bytes: GitHub sends no longer ones.
const MaxDelivery = 25 << 20

// DeliveryStatus is what became of a delivery.
type DeliveryStatus string

// The statuses of deliveries.
const (
	// DeliveryReceived: verified and stored; what it starts may not be there yet.
	DeliveryReceived DeliveryStatus = "received"
	// DeliveryTriggered: it started executions.
	DeliveryTriggered DeliveryStatus = "triggered"
	// DeliveryIgnored: nothing was to run; Reason says why.
	DeliveryIgnored DeliveryStatus = "ignored"
	// DeliveryRefused: it was not verified. Its body is not kept.
	DeliveryRefused DeliveryStatus = "refused"
	// DeliveryFailed: something was to run and could not be started.
	DeliveryFailed DeliveryStatus = "failed"
)

// DeliveryStatuses lists every status of a delivery.
func DeliveryStatuses() []DeliveryStatus {
	return []DeliveryStatus{DeliveryReceived, DeliveryTriggered, DeliveryIgnored, DeliveryRefused, DeliveryFailed}
}

// Delivery is what a forge, or another sender of webhooks, has sent.
type Delivery struct {
	// ID is a UUIDv7. The IDs of the executions that it starts are derived from it.
	ID string `json:"id" bson:"_id"`
	// PipelineID is the pipeline whose address it came to; empty for the address of
	// the connector, which is for all pipelines.
	PipelineID string `json:"pipeline_id,omitempty" bson:"pipeline_id"`
	Connector  string `json:"connector" bson:"connector"`
	// SenderID is the sender's own: the same one twice at the same address is one
	// delivery.
	SenderID string `json:"sender_id" bson:"sender_id"`
	// Event is the sender's own word: "push", "pull_request.opened".
	Event string `json:"event,omitempty" bson:"event,omitempty"`
	// Headers are those of the request, names in lower case, without secrets.
	Headers map[string]string `json:"headers,omitempty" bson:"headers,omitempty"`
	// Size of the body in bytes, and its SHA-256 in hex. InBlob says that the content
	// is in a BlobStore under that hash: short bodies are kept with the document.
	Size   int64  `json:"size" bson:"size"`
	SHA256 string `json:"sha256,omitempty" bson:"sha256,omitempty"`
	InBlob bool   `json:"in_blob,omitempty" bson:"in_blob,omitempty"`

	Status DeliveryStatus `json:"status" bson:"status"`
	Reason string         `json:"reason,omitempty" bson:"reason,omitempty"`
	// Occurred is what it says; nil when it was not verified, or says nothing that
	// could start a run.
	Occurred *ForgeEvent `json:"occurred,omitempty" bson:"occurred,omitempty"`
	// Targets are the pipelines that it starts, decided before it was stored.
	Targets []DeliveryTarget `json:"targets,omitempty" bson:"targets,omitempty"`
	// RedeliveryOf is the delivery that this one repeats, and RedeliveredBy who
	// wanted that.
	RedeliveryOf  string    `json:"redelivery_of,omitempty" bson:"redelivery_of,omitempty"`
	RedeliveredBy string    `json:"redelivered_by,omitempty" bson:"redelivered_by,omitempty"`
	ReceivedAt    time.Time `json:"received_at" bson:"received_at"`
	Version       int64     `json:"version" bson:"version"`
}

// DeliveryTarget is a pipeline that a delivery starts.
type DeliveryTarget struct {
	PipelineID string `json:"pipeline_id" bson:"pipeline_id"`
	// Type is that of the pipeline's trigger that let the delivery through.
	Type TriggerType `json:"trigger_type" bson:"trigger_type"`
	// ExecutionID is known before the execution is there: see Delivery.ID.
	ExecutionID string `json:"execution_id" bson:"execution_id"`
	// Error says why there is no execution.
	Error string `json:"error,omitempty" bson:"error,omitempty"`
}

// Scope is where SenderID is unique: a pipeline's address or a connector's.
func (d *Delivery) Scope() string {
	if d.PipelineID != "" {
		return d.PipelineID
	}
	return "connector/" + d.Connector
}

// PipelineIDs lists the pipelines that the delivery is about, each once.
func (d *Delivery) PipelineIDs() []string {
	var ids []string
	if d.PipelineID != "" {
		ids = append(ids, d.PipelineID)
	}
	for _, t := range d.Targets {
		if t.PipelineID != d.PipelineID {
			ids = append(ids, t.PipelineID)
		}
	}
	return ids
}

// EventKind is what happened, in terms that all forges share.
type EventKind string

// The kinds of events.
const (
	EventPush        EventKind = "push"
	EventTag         EventKind = "tag"
	EventPullRequest EventKind = "pull_request"
	EventOther       EventKind = "other"
)

// ForgeEvent is something that may start runs, as a connector has understood it.
type ForgeEvent struct {
	Kind EventKind `json:"kind" bson:"kind"`
	// Repository is "owner/name".
	Repository    string `json:"repository,omitempty" bson:"repository,omitempty"`
	RepositoryURL string `json:"repository_url,omitempty" bson:"repository_url,omitempty"`
	// Branch was pushed to, or is what a pull request wants to get into.
	Branch string `json:"branch,omitempty" bson:"branch,omitempty"`
	Tag    string `json:"tag,omitempty" bson:"tag,omitempty"`
	Commit string `json:"commit,omitempty" bson:"commit,omitempty"`
	// Title is the first line of the commit's message, or the pull request's title;
	// Message is the whole message of the commit.
	Title   string `json:"title,omitempty" bson:"title,omitempty"`
	Message string `json:"message,omitempty" bson:"message,omitempty"`
	Author  string `json:"author,omitempty" bson:"author,omitempty"`
	// ChangedPaths are complete only with ChangedPathsKnown.
	ChangedPaths      []string          `json:"changed_paths,omitempty" bson:"changed_paths,omitempty"`
	ChangedPathsKnown bool              `json:"changed_paths_known,omitempty" bson:"changed_paths_known,omitempty"`
	PullRequest       *PullRequest      `json:"pull_request,omitempty" bson:"pull_request,omitempty"`
	Variables         map[string]string `json:"variables,omitempty" bson:"variables,omitempty"`
}

// PullRequest is that of an event; a merge request is one, too.
type PullRequest struct {
	Number int64 `json:"number" bson:"number"`
	// Action is opened, updated, reopened, closed, merged, …
	Action       string `json:"action" bson:"action"`
	SourceBranch string `json:"source_branch,omitempty" bson:"source_branch,omitempty"`
	// SourceRepository is set when the pull request comes from another one.
	SourceRepository string `json:"source_repository,omitempty" bson:"source_repository,omitempty"`
}

// IncomingDelivery is a request as it came in.
type IncomingDelivery struct {
	// PipelineID is the pipeline whose address it came to, or Connector the connector;
	// the other one is empty.
	PipelineID, Connector string
	// Headers have names in lower case; of a repeated one the first.
	Headers map[string]string
	Body    []byte
}

// Webhooks takes deliveries in and shows them. It is safe for concurrent use.
type Webhooks interface {
	// Receive verifies a delivery, stores it, and creates what it starts. Once it
	// returned, those executions will run, whatever happens to the server; a delivery
	// that starts nothing says why. again reports that the sender's ID was there
	// before: d is the first one's then.
	//
	// Who cannot show that a delivery is genuine gets Unauthenticated, the same for
	// every reason, there being no such pipeline among them. A genuine one that is not
	// understood is Invalid; when the connector cannot be used now, it is Unavailable.
	Receive(ctx context.Context, in IncomingDelivery) (d *Delivery, again bool, err error)
	// Redeliver takes a stored delivery as if it came again, to one pipeline, with the
	// triggers that this has now. What was refused cannot be redelivered: Conflict.
	Redeliver(ctx context.Context, id, pipelineID, by string) (*Delivery, error)
	// Body opens the body of a delivery; NotFound when it is not kept.
	Body(ctx context.Context, d *Delivery) (io.ReadCloser, error)
}

// DeliveryFilter narrows a list of deliveries; zero fields do not.
type DeliveryFilter struct {
	// PipelineID wants those about a pipeline, whatever address they came to.
	PipelineID string
	// Connector wants those that came to the connector's own address; not together
	// with PipelineID.
	Connector string
	Status    DeliveryStatus
	Page      Page
}

// DeliveryBounds are what is kept of deliveries.
type DeliveryBounds struct {
	// Before: older ones go.
	Before time.Time
	// Count and Bytes bound those that were verified, Refused the others; the newest
	// stay.
	Count, Refused int
	Bytes          int64
}

// DeliveryStore keeps deliveries. It is safe for concurrent use.
type DeliveryStore interface {
	// CreateDelivery stores d with its body, nil when that is elsewhere or not kept,
	// and sets d.Version to 1. One of the same scope and sender's ID is Conflict. It
	// is on disk when it returns, unless it was refused: nobody was promised anything
	// about those.
	CreateDelivery(ctx context.Context, d *Delivery, body []byte) error
	// UpdateDelivery stores d under the same rule as UpdateExecution. Scope, sender's
	// ID, size and body stay.
	UpdateDelivery(ctx context.Context, d *Delivery) error
	Delivery(ctx context.Context, id string) (*Delivery, error)
	// DeliveryBySender returns NotFound when the scope has none of that ID.
	DeliveryBySender(ctx context.Context, scope, senderID string) (*Delivery, error)
	// DeliveryBody returns nil for a body that is not kept with the document.
	DeliveryBody(ctx context.Context, id string) ([]byte, error)
	// Deliveries returns a page, newest first.
	Deliveries(ctx context.Context, filter DeliveryFilter) ([]*Delivery, error)
	// PruneDeliveries removes what is out of bounds, but none with DeliveryReceived,
	// and returns how many.
	PruneDeliveries(ctx context.Context, bounds DeliveryBounds) (int, error)
}
