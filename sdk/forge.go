package sdk

import "encoding/json"

// MaxWebhook is the longest body of a delivery in bytes.
const MaxWebhook = 25 << 20

// WebhookRequest is a delivery as it came in.
type WebhookRequest struct {
	// Headers of the request, names in lower case; of a repeated one the first.
	Headers map[string]string
	// Body as it was sent.
	Body []byte
	// Secret is what the sender signs with; empty when there is none. What is not
	// signed is to be refused when there is one.
	Secret string
	// Config is what the pipeline's trigger has as options, a JSON object.
	Config json.RawMessage
}

// Webhook is what a delivery says.
type Webhook struct {
	// DeliveryID is the sender's own: the same one twice is one run.
	DeliveryID string
	// Event is the sender's own word: "push", "pull_request.opened".
	Event string
	// Occurred is nil when nothing can be made of it; then Ignored says why. With both,
	// nothing is to run unless a trigger names this very event.
	Occurred *WebhookEvent
	Ignored  string
}

// EventKind is what happened, in terms that all forges share.
type EventKind string

// The kinds of events.
const (
	EventPush        EventKind = "push"
	EventTag         EventKind = "tag"
	EventPullRequest EventKind = "pull_request"
	// EventOther is anything else that may start a run: a release, a comment.
	EventOther EventKind = "other"
)

// WebhookEvent is something that may start a run.
type WebhookEvent struct {
	Kind EventKind
	// Repository is "owner/name".
	Repository    string
	RepositoryURL string
	// Branch was pushed to, or is what a pull request wants to get into.
	Branch string
	Tag    string
	Commit string
	// Title is the first line of the commit's message, or the pull request's title;
	// Message is the whole message of the commit, for skip marks.
	Title, Message string
	Author         string
	// ChangedPaths are relative to the repository, and complete only with
	// ChangedPathsKnown.
	ChangedPaths      []string
	ChangedPathsKnown bool
	PullRequest       *PullRequest
	// Variables is more that steps may want to know.
	Variables map[string]string
}

// PullRequest is that of an event; a merge request is one, too.
type PullRequest struct {
	Number int64
	// Action is opened, updated, reopened, closed, merged, …
	Action       string
	SourceBranch string
	// SourceRepository is set when the pull request comes from another one.
	SourceRepository string
}

// RunState is how a run stands.
type RunState string

// The states of a run.
const (
	RunPending   RunState = "pending"
	RunRunning   RunState = "running"
	RunSuccess   RunState = "success"
	RunFailed    RunState = "failed"
	RunCancelled RunState = "cancelled"
)

// StatusReport is the status of a commit, for its forge.
type StatusReport struct {
	Repository, Commit string
	State              RunState
	Description        string
	// URL is where the run can be looked at; may be empty.
	URL string
	// Context tells the statuses of one commit apart: "patchbay/build".
	Context string
	Secrets map[string]string
}

// PlanRequest asks what a step would do.
type PlanRequest struct {
	Step Step
}

// Plan is what a step would do.
type Plan struct {
	// Summary is one line.
	Summary string
	Changes []PlannedChange
}

// PlannedChange is one thing that a step would change.
type PlannedChange struct {
	// Action is create, update, delete or run.
	Action string
	// Target is what is changed, as its service names it.
	Target string
	// Details say how; they may have several lines.
	Details string
}
