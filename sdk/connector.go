package sdk

import "context"

// Connector is what every connector implements. All methods may be called
// concurrently, RunStep also for the same attempt.
type Connector interface {
	// Info says what the connector is and can do. It does no I/O.
	Info() Info

	// RunStep runs an attempt, or joins it when its work is already there, and
	// returns when the work has ended.
	//
	// A step that failed is a Result; an error means that the connector broke
	// (see Error). When ctx is done, CancelGrace tells the two reasons apart:
	// cancelled (stop the work, by force after the grace period, and return
	// Cancelled) or detached (leave the work alone and return ctx's error).
	RunStep(ctx context.Context, request RunRequest, session *Session) (Result, error)
}

// ConfigValidator checks a config beyond its schema. Optional.
type ConfigValidator interface {
	ValidateConfig(ctx context.Context, request ValidateRequest) ([]Diagnostic, error)
}

// PreExecutor is called once before the first RunStep of an attempt. An error
// fails the attempt. Optional.
type PreExecutor interface {
	PreExecute(ctx context.Context, request PreExecuteRequest) error
}

// PostExecutor is called after an attempt's result is stored; it may be called
// more than once. Optional.
type PostExecutor interface {
	PostExecute(ctx context.Context, request PostExecuteRequest) error
}

// Destroyer removes what is left of attempts: processes, containers, files. It
// is idempotent, also for attempts it has never heard of. Optional, but whoever
// starts something that can outlive RunStep needs it.
type Destroyer interface {
	DestroyStep(ctx context.Context, request DestroyRequest) error
}

// StepPreparer gets ready for an attempt that will probably be the next, while the
// one before it still runs: it makes a container, say, and does not start it. Nothing
// may happen that the work of any step could notice. RunStep of the same attempt
// follows, and must see whether what was got ready is still what it is asked for; or
// DestroyStep; or, when the host was killed, DestroyStep of other attempts of the same
// workspace alone. An error is no more than a missed chance. Optional, and worth it
// where starting takes a good part of a short step.
type StepPreparer interface {
	PrepareStep(ctx context.Context, request PrepareStepRequest) error
}

// Checker says whether the service behind the connector can be used. Optional.
type Checker interface {
	Check(ctx context.Context, request CheckRequest) (CheckResult, error)
}

// Planner says what a step would do, and changes nothing. Optional.
type Planner interface {
	PlanStep(ctx context.Context, request PlanRequest) (Plan, error)
}

// WebhookParser verifies a delivery of a forge, or of another sender, and says in
// common terms what happened. A wrong signature is an error of ClassAuthentication,
// a payload that is not understood one of ClassInvalidConfig. Optional.
type WebhookParser interface {
	ParseWebhook(ctx context.Context, request WebhookRequest) (Webhook, error)
}

// StatusReporter tells a forge how the run for a commit stands. The host repeats it
// after an error that may pass (ClassExternalService, ClassTimeout). Optional.
type StatusReporter interface {
	ReportStatus(ctx context.Context, request StatusReport) error
}
