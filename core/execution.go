package core

import "time"

// Execution is one run of one revision of a pipeline. Its steps are separate
// documents (StepRun), so that a change of one step never rewrites the others.
type Execution struct {
	ID           string `json:"id" bson:"_id"`
	PipelineID   string `json:"pipeline_id" bson:"pipeline_id"`
	PipelineName string `json:"pipeline_name" bson:"pipeline_name"`
	Revision     int    `json:"revision" bson:"revision"`
	// Number counts the executions of a pipeline from 1: CI_BUILD_NUMBER. The
	// store assigns it.
	Number  int64       `json:"number" bson:"number"`
	Status  Status      `json:"status" bson:"status"`
	Reason  string      `json:"reason,omitempty" bson:"reason,omitempty"`
	Trigger TriggerInfo `json:"trigger_info" bson:"trigger_info"`
	// Environment was given with the trigger; it wins over the pipeline's.
	Environment map[string]string `json:"environment,omitempty" bson:"environment,omitempty"`
	// SecretEnvironment has the names of variables that were given with the trigger,
	// too, whose values are kept elsewhere, encrypted; see ValueKeeper.
	SecretEnvironment []string `json:"secret_environment,omitempty" bson:"secret_environment,omitempty"`
	// Params are the values of all declared parameters, defaults included.
	Params map[string]string `json:"params,omitempty" bson:"params,omitempty"`
	// Priority orders waiting executions; the higher goes first.
	Priority int `json:"priority,omitempty" bson:"priority,omitempty"`
	// Concurrency is the pipeline's, with its group's expressions evaluated.
	Concurrency *Concurrency `json:"concurrency,omitempty" bson:"concurrency,omitempty"`
	// PipelineLimit is the pipeline's MaxExecutions at the time of the trigger.
	PipelineLimit int `json:"pipeline_limit,omitempty" bson:"pipeline_limit,omitempty"`
	// Retry says what this execution repeats; nil for a first try.
	Retry *Retry `json:"retry,omitempty" bson:"retry,omitempty"`
	// CancelRequested is set, with who asked, before anything is stopped.
	CancelRequested string `json:"cancel_requested,omitempty" bson:"cancel_requested,omitempty"`
	// Traceparent and Tracestate are the place in a distributed trace that it was
	// triggered from (W3C Trace Context); empty when that was in none.
	Traceparent string     `json:"traceparent,omitempty" bson:"traceparent,omitempty"`
	Tracestate  string     `json:"tracestate,omitempty" bson:"tracestate,omitempty"`
	CreatedAt   time.Time  `json:"created_at" bson:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at" bson:"updated_at"`
	StartedAt   *time.Time `json:"started_at,omitempty" bson:"started_at,omitempty"`
	FinishedAt  *time.Time `json:"finished_at,omitempty" bson:"finished_at,omitempty"`
	Version     int64      `json:"version" bson:"version"`
}

// TriggerInfo says why an execution exists.
type TriggerInfo struct {
	Type        TriggerType `json:"trigger_type" bson:"trigger_type"`
	TriggeredBy string      `json:"triggered_by,omitempty" bson:"triggered_by,omitempty"`
	CommitHash  string      `json:"commit_hash,omitempty" bson:"commit_hash,omitempty"`
	Branch      string      `json:"branch,omitempty" bson:"branch,omitempty"`
	Tag         string      `json:"tag,omitempty" bson:"tag,omitempty"`
	Repository  string      `json:"repository,omitempty" bson:"repository,omitempty"`
	// ChangedPaths are the files that changed, relative to the repository; nil when
	// that is not known.
	ChangedPaths []string `json:"changed_paths,omitempty" bson:"changed_paths,omitempty"`
	// DeliveryID is the delivery that started it.
	DeliveryID string `json:"delivery_id,omitempty" bson:"delivery_id,omitempty"`
	// Variables is more that the delivery says; steps get them, but none in the place
	// of a variable that they have anyway. All names begin with CI_.
	Variables map[string]string `json:"variables,omitempty" bson:"variables,omitempty"`
	// Connector read the delivery that started it: whoever can report back to the forge.
	Connector string `json:"connector,omitempty" bson:"connector,omitempty"`
}

// RetryMode is what of an execution is run again.
type RetryMode string

// The retry modes.
const (
	// RetryAll runs everything.
	RetryAll RetryMode = "all"
	// RetryFailed runs what did not succeed; the rest is taken over.
	RetryFailed RetryMode = "failed"
	// RetryStep runs one step, and takes over all others that had ended.
	RetryStep RetryMode = "step"
)

// Retry says what an execution repeats.
type Retry struct {
	// Of is the ID of the execution that is repeated.
	Of   string    `json:"of" bson:"of"`
	Mode RetryMode `json:"mode" bson:"mode"`
	// Step is the index of the step in the plan, for RetryStep.
	Step int `json:"step,omitempty" bson:"step,omitempty"`
}

// StepRun is the life of one step in one execution. It is stored from the
// moment its status first differs from pending.
type StepRun struct {
	ExecutionID string `json:"execution_id" bson:"execution_id"`
	// Index is the step's place in the plan (see core/plan), from 0.
	Index int    `json:"index" bson:"index"`
	Stage string `json:"stage" bson:"stage"`
	Name  string `json:"name" bson:"name"`
	// Connector is the name of the one that does it; empty in what was stored before
	// there was this field.
	Connector string `json:"connector,omitempty" bson:"connector,omitempty"`
	Status    Status `json:"status" bson:"status"`
	// Allowed is set on a failed step whose failure does not fail the run
	// (continue_on_error).
	Allowed  bool              `json:"allowed,omitempty" bson:"allowed,omitempty"`
	Reason   string            `json:"reason,omitempty" bson:"reason,omitempty"`
	Attempts []Attempt         `json:"attempts,omitempty" bson:"attempts,omitempty"`
	Outputs  map[string]string `json:"outputs,omitempty" bson:"outputs,omitempty"`
	// Approval is set from the moment the step waits for one.
	Approval *Approval `json:"approval,omitempty" bson:"approval,omitempty"`
	// Hooks are the runs of the step's hooks so far, in their order, and the calls of
	// the connector's own.
	Hooks []*HookRun `json:"hooks,omitempty" bson:"hooks,omitempty"`
	// Ending is set while the hooks run that follow the step's last attempt.
	Ending *Ending `json:"ending,omitempty" bson:"ending,omitempty"`
	// CacheKeys are the keys of the step's caches, as they were before it began.
	CacheKeys []string `json:"cache_keys,omitempty" bson:"cache_keys,omitempty"`
	// Reused is set on a step whose end was taken over from the execution that
	// this one repeats.
	Reused     bool       `json:"reused,omitempty" bson:"reused,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty" bson:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty" bson:"finished_at,omitempty"`
	Version    int64      `json:"version" bson:"version"`
}

// Attempt is one try at a step. Its ID names the work in the outside world.
type Attempt struct {
	ID string `json:"id" bson:"id"`
	// Number counts from 1.
	Number int    `json:"number" bson:"number"`
	Status Status `json:"status" bson:"status"`
	// ExitCode is nil when there was no process or it ended by a signal.
	ExitCode *int `json:"exit_code,omitempty" bson:"exit_code,omitempty"`
	// Signal is the name of the signal that ended the process: "SIGKILL".
	Signal string `json:"signal,omitempty" bson:"signal,omitempty"`
	// ErrorClass is set when the connector broke, as opposed to a step that
	// failed; it is one of the classes of the plugin protocol.
	ErrorClass string `json:"error_class,omitempty" bson:"error_class,omitempty"`
	Message    string `json:"message,omitempty" bson:"message,omitempty"`
	// State is the connector's own, handed back when the attempt is joined.
	State      []byte            `json:"state,omitempty" bson:"state,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty" bson:"metadata,omitempty"`
	StartedAt  time.Time         `json:"started_at" bson:"started_at"`
	FinishedAt *time.Time        `json:"finished_at,omitempty" bson:"finished_at,omitempty"`
}

// Approval is a question to a person and the answer.
type Approval struct {
	Message   string   `json:"message,omitempty" bson:"message,omitempty"`
	Approvers []string `json:"approvers,omitempty" bson:"approvers,omitempty"`
	// RequestedAt is when the wait began; it is up at Deadline, if there is one.
	RequestedAt time.Time  `json:"requested_at" bson:"requested_at"`
	Deadline    *time.Time `json:"deadline,omitempty" bson:"deadline,omitempty"`
	// Approved is nil while nobody has decided.
	Approved  *bool      `json:"approved,omitempty" bson:"approved,omitempty"`
	By        string     `json:"by,omitempty" bson:"by,omitempty"`
	Comment   string     `json:"comment,omitempty" bson:"comment,omitempty"`
	DecidedAt *time.Time `json:"decided_at,omitempty" bson:"decided_at,omitempty"`
}
