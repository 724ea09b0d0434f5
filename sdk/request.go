package sdk

import (
	"encoding/json"
	"time"
)

// Step is what every call about an attempt is told.
type Step struct {
	// AttemptID is unique for each attempt; derive the names of outside things
	// from it.
	AttemptID string
	Action    string
	// Config is a JSON object, without the `action` key.
	Config json.RawMessage
	// Environment is the whole environment of the step.
	Environment map[string]string
	Workspace   Workspace
	// Secrets has only those that the step names. Never print them or put them in
	// an argv.
	Secrets map[string]string
}

// Workspace is where the run's files are.
type Workspace struct {
	// Path is the absolute path of the run's shared folder.
	Path string
	// AttemptPath is the absolute path of a folder of this attempt alone, outside
	// Path. The host makes it and removes it after DestroyStep.
	AttemptPath string
	// DeployPath is the absolute path of a folder of this connector's alone that
	// outlives runs, for what its releases need. The steps of a Deployer have it.
	// DestroyStep of an attempt removes what never became a release, and leaves alone
	// what did, once it was sent: RemoveRelease ends that.
	DeployPath string
}

// Offsets says how many bytes of each stream the host has already stored.
type Offsets struct {
	Stdout int64
	Stderr int64
}

// RunRequest begins or joins an attempt.
type RunRequest struct {
	Step    Step
	Offsets Offsets
	// State is what the connector last saved for this attempt with SaveState.
	State []byte
	// Deadline is when the step's time is up, or zero. The host cancels the step
	// then; use it only to bound waiting.
	Deadline time.Time
	// CancelOnDisconnect means that the host will not come back: losing it is a
	// cancellation, not a detachment.
	CancelOnDisconnect bool
}

// AttemptRef is what is needed to find an attempt's work again.
type AttemptRef struct {
	AttemptID string
	Action    string
	State     []byte
	Workspace Workspace
}

// ValidateRequest asks for a check of a config.
type ValidateRequest struct {
	Action string
	Config json.RawMessage
}

// PrepareStepRequest says what the next attempt will probably be.
type PrepareStepRequest struct {
	Step Step
}

// PreExecuteRequest announces an attempt.
type PreExecuteRequest struct {
	Step Step
}

// PostExecuteRequest says how an attempt ended.
type PostExecuteRequest struct {
	Attempt AttemptRef
	Result  Result
}

// DestroyRequest names attempts of which nothing may be left.
type DestroyRequest struct {
	Attempts []AttemptRef
}

// CheckRequest asks whether the service can be used.
type CheckRequest struct{}

// CheckResult is the answer.
type CheckResult struct {
	OK bool
	// Message is one line: what was reached, or why not.
	Message string
	// Identity says as whom; may be empty.
	Identity string
	Details  map[string]string
}
