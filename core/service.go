package core

import (
	"context"
	"time"
)

// PipelineParser turns the text of a pipeline file into specs. It never fails:
// what is wrong is in the diagnostics. A spec is only usable when no diagnostic
// of the file is an error.
type PipelineParser interface {
	// Parse names the file in diagnostics as given; file may be empty.
	Parse(file string, source []byte) ([]*Spec, []Diagnostic)
}

// TriggerRequest asks for an execution.
type TriggerRequest struct {
	PipelineID  string
	Info        TriggerInfo
	Environment map[string]string
	// SecretEnvironment is given to the steps, too, but never stored in clear or shown.
	SecretEnvironment map[string]string
	// Params are the values given for declared parameters.
	Params map[string]string
	// Priority is added to the pipeline's own; -100 to 100.
	Priority int
	// ExecutionID is the ID to take, a UUID; empty for a new one. The second request
	// for one gets the execution of the first.
	ExecutionID string
}

// RetryRequest asks for an execution that repeats another.
type RetryRequest struct {
	ExecutionID string
	Mode        RetryMode
	// Stage and Step name the step for RetryStep; Stage may be empty when the
	// step's name is unique.
	Stage, Step string
	// Params and Environment replace single values of the repeated execution; they
	// are only let in with RetryAll.
	Params, Environment map[string]string
	By                  string
}

// Triggerer creates executions: the one door for every run.
type Triggerer interface {
	// Trigger stores an execution and returns it. Once it returned, the execution
	// will run, whatever happens to the server.
	Trigger(ctx context.Context, request TriggerRequest) (*Execution, error)
}

// Retrier repeats executions.
type Retrier interface {
	// Retry stores an execution of the same revision that repeats an ended one. It
	// returns Conflict for one that has not ended, and for a retry of parts whose
	// workspace is not kept any more.
	Retry(ctx context.Context, request RetryRequest) (*Execution, error)
}

// Canceller stops executions.
type Canceller interface {
	// Cancel stores the wish and returns; the execution ends as cancelled when its
	// steps have stopped. It returns Conflict for an execution that has ended.
	Cancel(ctx context.Context, executionID, by string) error
}

// Decision answers an approval that a step waits for.
type Decision struct {
	ExecutionID string
	// Stage and Step name what waits; both may be empty when only one does.
	Stage, Step string
	Approved    bool
	By, Comment string
}

// Approver answers approvals.
type Approver interface {
	// Decide stores the decision and returns. It returns Conflict when nothing of
	// that name waits for one, Forbidden when By may not decide, and Invalid when
	// several wait and none is named.
	Decide(ctx context.Context, d Decision) error
}

// QueueState says what waits and what runs on this node.
type QueueState struct {
	Paused  bool `json:"paused"`
	Running int  `json:"running"`
	Waiting int  `json:"waiting"`
	Slots   int  `json:"slots"`
	// Entries are the first of those that wait, in the order in which they would
	// start now.
	Entries []QueueEntry `json:"entries"`
}

// QueueLoad is how full the queue of this node is.
type QueueLoad struct {
	Running, Waiting, Slots int
	Paused                  bool
}

// QueueEntry is an execution that waits.
type QueueEntry struct {
	ExecutionID  string `json:"execution_id"`
	PipelineID   string `json:"pipeline_id"`
	PipelineName string `json:"pipeline_name"`
	Priority     int    `json:"priority"`
	// Reason says why it does not run yet.
	Reason string `json:"reason"`
}

// QueueControl pauses and shows the queue.
type QueueControl interface {
	// Pause stores the wish: what runs goes on, nothing new starts, also after a
	// restart of the server.
	Pause(ctx context.Context, by string) error
	Resume(ctx context.Context, by string) error
	// Drain pauses, and returns when nothing runs any more or ctx is done.
	Drain(ctx context.Context, by string) error
	Queue(ctx context.Context) QueueState
}

// ScheduleState says when a schedule of a pipeline fires next, and when it last did.
type ScheduleState struct {
	PipelineID     string `json:"pipeline_id"`
	PipelineName   string `json:"pipeline_name"`
	CronExpression string `json:"cron_expression"`
	// TimeZone is empty for the server's default.
	TimeZone string `json:"timezone,omitempty"`
	// Next is nil for a schedule that never fires again; Last for one that has not.
	Next *time.Time `json:"next,omitempty"`
	Last *time.Time `json:"last,omitempty"`
}

// Catalog lists the connectors that were found, also the broken ones.
type Catalog interface {
	Connectors(ctx context.Context) []*ConnectorInfo
	// Connector returns NotFound for a name nothing was found for. It launches
	// nothing when the description is cached.
	Connector(ctx context.Context, name string) (*ConnectorInfo, error)
}
