package core

// ParamType is what kind of value a parameter takes.
type ParamType string

// The parameter types.
const (
	ParamString  ParamType = "string"
	ParamNumber  ParamType = "number"
	ParamBoolean ParamType = "boolean"
	// ParamChoice is one of Choices.
	ParamChoice ParamType = "choice"
)

// ParamTypes lists every parameter type.
func ParamTypes() []ParamType {
	return []ParamType{ParamString, ParamNumber, ParamBoolean, ParamChoice}
}

// Param is a declared input of a pipeline. Values are text everywhere; the type
// says which texts are let in.
type Param struct {
	Name        string    `json:"name" bson:"name"`
	Description string    `json:"description,omitempty" bson:"description,omitempty"`
	Type        ParamType `json:"type" bson:"type"`
	// Default is nil when a trigger must give a value (Required).
	Default  *string  `json:"default,omitempty" bson:"default,omitempty"`
	Required bool     `json:"required,omitempty" bson:"required,omitempty"`
	Choices  []string `json:"choices,omitempty" bson:"choices,omitempty"`
	// Pattern is a regular expression (RE2) that the whole of a string must match.
	Pattern string `json:"pattern,omitempty" bson:"pattern,omitempty"`
	// Min and Max bound a number.
	Min *float64 `json:"min,omitempty" bson:"min,omitempty"`
	Max *float64 `json:"max,omitempty" bson:"max,omitempty"`
}

// Matrix makes several of one stage: every combination of the axes' values,
// without the excluded and with the included ones.
type Matrix struct {
	Axes []MatrixAxis `json:"axes,omitempty" bson:"axes,omitempty"`
	// Include adds variables to the combinations it agrees with on all axes it
	// names, or is a combination of its own when it agrees with none.
	Include []map[string]string `json:"include,omitempty" bson:"include,omitempty"`
	// Exclude removes the combinations that agree with all it names.
	Exclude []map[string]string `json:"exclude,omitempty" bson:"exclude,omitempty"`
	// FailFast stops the other combinations when one fails; nil is true.
	FailFast *bool `json:"fail_fast,omitempty" bson:"fail_fast,omitempty"`
	// MaxParallel bounds how many combinations run at once; 0 is all.
	MaxParallel int `json:"max_parallel,omitempty" bson:"max_parallel,omitempty"`
}

// MatrixAxis is a variable of a matrix and its values.
type MatrixAxis struct {
	Name   string   `json:"name" bson:"name"`
	Values []string `json:"values" bson:"values"`
}

// Concurrency lets one at a time of a group run, over all executions and
// pipelines of a server.
type Concurrency struct {
	// Group is the group's name; it may have expressions: "deploy-${{ branch }}".
	Group string `json:"group" bson:"group"`
	// CancelInProgress cancels the execution that holds the group, and those that
	// wait for it, instead of waiting.
	CancelInProgress bool `json:"cancel_in_progress,omitempty" bson:"cancel_in_progress,omitempty"`
}

// When narrows a stage or a step to changes. Without knowledge of what changed,
// Paths and IgnorePaths hold.
type When struct {
	// Paths are globs (doublestar); one changed file that matches is enough.
	Paths []string `json:"paths,omitempty" bson:"paths,omitempty"`
	// IgnorePaths are globs; files that match do not count as changed.
	IgnorePaths []string `json:"ignore_paths,omitempty" bson:"ignore_paths,omitempty"`
	// Branches, Tags and Events narrow like the trigger's.
	Branches []string `json:"branches,omitempty" bson:"branches,omitempty"`
	Tags     []string `json:"tags,omitempty" bson:"tags,omitempty"`
	Events   []string `json:"events,omitempty" bson:"events,omitempty"`
}

// ApprovalSpec asks a person before something runs.
type ApprovalSpec struct {
	Message string `json:"message,omitempty" bson:"message,omitempty"`
	// Approvers are the names that may decide; empty is anybody who may.
	Approvers []string `json:"approvers,omitempty" bson:"approvers,omitempty"`
	// Timeout ends the wait as a timeout; 0 waits without end.
	Timeout Duration `json:"timeout,omitempty" bson:"timeout,omitempty"`
}

// OutputSpec declares an output of a step.
type OutputSpec struct {
	Name        string `json:"name" bson:"name"`
	Description string `json:"description,omitempty" bson:"description,omitempty"`
}

// ArtifactSpec says which files of the workspace are kept when a step has ended.
type ArtifactSpec struct {
	// Name is unique in an execution; empty is the step's name.
	Name string `json:"name,omitempty" bson:"name,omitempty"`
	// Paths are globs (doublestar) relative to the workspace; one that begins with
	// ! takes files away again.
	Paths []string `json:"paths" bson:"paths"`
	// When is success (the default), failure or always.
	When string `json:"when,omitempty" bson:"when,omitempty"`
	// IfMissing is error (the default), warn or ignore: for no file at all.
	IfMissing string `json:"if_missing,omitempty" bson:"if_missing,omitempty"`
	// Retention is how long it is kept; 0 is the server's default.
	Retention Duration `json:"retention,omitempty" bson:"retention,omitempty"`
}

// CacheSpec says which folders of the workspace are restored before a step and
// saved after it succeeded.
type CacheSpec struct {
	// Key names the content; it may have expressions: "go-${{ hash('go.sum') }}".
	Key string `json:"key" bson:"key"`
	// Paths are files and folders relative to the workspace.
	Paths []string `json:"paths" bson:"paths"`
	// RestoreKeys are prefixes tried in their order when nothing has the key; the
	// newest that matches is taken.
	RestoreKeys []string `json:"restore_keys,omitempty" bson:"restore_keys,omitempty"`
}
