package core

import "encoding/json"

// Spec is what a pipeline file says, checked and normalised: connector names are
// resolved, both spellings of a key have become one, durations are durations.
type Spec struct {
	Name          string            `json:"name" bson:"name"`
	Description   string            `json:"description,omitempty" bson:"description,omitempty"`
	Triggers      []Trigger         `json:"triggers,omitempty" bson:"triggers,omitempty"`
	Stages        []Stage           `json:"stages" bson:"stages"`
	Environment   map[string]string `json:"environment,omitempty" bson:"environment,omitempty"`
	Timeout       Duration          `json:"timeout,omitempty" bson:"timeout,omitempty"`
	RetryCount    *int              `json:"retry_count,omitempty" bson:"retry_count,omitempty"`
	Notifications *Notifications    `json:"notifications,omitempty" bson:"notifications,omitempty"`
	// Params are the inputs that a trigger may give, in the order of the file.
	Params []Param `json:"params,omitempty" bson:"params,omitempty"`
	// Concurrency puts the whole execution in a group.
	Concurrency *Concurrency `json:"concurrency,omitempty" bson:"concurrency,omitempty"`
	// MaxExecutions is how many executions of this pipeline run at once; 0 is no
	// limit of its own.
	MaxExecutions int `json:"max_executions,omitempty" bson:"max_executions,omitempty"`
	// Priority orders waiting executions, -100 to 100; the higher goes first.
	Priority int `json:"priority,omitempty" bson:"priority,omitempty"`
}

// Stage is a named group of steps.
type Stage struct {
	Name        string            `json:"name" bson:"name"`
	Steps       []Step            `json:"steps" bson:"steps"`
	Condition   string            `json:"condition,omitempty" bson:"condition,omitempty"`
	Parallel    bool              `json:"parallel,omitempty" bson:"parallel,omitempty"`
	Environment map[string]string `json:"environment,omitempty" bson:"environment,omitempty"`
	Timeout     Duration          `json:"timeout,omitempty" bson:"timeout,omitempty"`
	RetryCount  *int              `json:"retry_count,omitempty" bson:"retry_count,omitempty"`
	// DependsOn names stages. Nil means "the stage before this one"; an empty,
	// non-nil list means none.
	DependsOn []string `json:"depends_on" bson:"depends_on"`
	// Matrix runs the stage once for each combination.
	Matrix *Matrix `json:"matrix,omitempty" bson:"matrix,omitempty"`
	// Concurrency puts the stage in a group, from its first step to its last.
	Concurrency *Concurrency `json:"concurrency,omitempty" bson:"concurrency,omitempty"`
	When        *When        `json:"when,omitempty" bson:"when,omitempty"`
	// Approval must be given before the stage's first step.
	Approval *ApprovalSpec `json:"approval,omitempty" bson:"approval,omitempty"`
}

// Step is one thing a connector does.
type Step struct {
	Name string `json:"name" bson:"name"`
	// Connector is the resolved name of the plugin: "shell", "aws", "acme".
	Connector string `json:"connector" bson:"connector"`
	// Action is empty for the connector's default action.
	Action string `json:"action,omitempty" bson:"action,omitempty"`
	// Config is a JSON object that only the connector understands, without
	// the `action` key.
	Config          json.RawMessage   `json:"config" bson:"config"`
	Condition       string            `json:"condition,omitempty" bson:"condition,omitempty"`
	ContinueOnError bool              `json:"continue_on_error,omitempty" bson:"continue_on_error,omitempty"`
	Timeout         Duration          `json:"timeout,omitempty" bson:"timeout,omitempty"`
	RetryCount      *int              `json:"retry_count,omitempty" bson:"retry_count,omitempty"`
	Environment     map[string]string `json:"environment,omitempty" bson:"environment,omitempty"`
	// DependsOn names steps of the same stage, or "stage/step". Nil means the
	// step before this one, unless the stage is parallel.
	DependsOn []string `json:"depends_on" bson:"depends_on"`
	// Secrets names those the step gets; it gets no others.
	Secrets []string `json:"secrets,omitempty" bson:"secrets,omitempty"`
	// Outputs declares what the step gives to later ones. It may set others too.
	Outputs   []OutputSpec   `json:"outputs,omitempty" bson:"outputs,omitempty"`
	Artifacts []ArtifactSpec `json:"artifacts,omitempty" bson:"artifacts,omitempty"`
	Cache     []CacheSpec    `json:"cache,omitempty" bson:"cache,omitempty"`
	When      *When          `json:"when,omitempty" bson:"when,omitempty"`
	// Approval must be given before the step begins.
	Approval *ApprovalSpec `json:"approval,omitempty" bson:"approval,omitempty"`
	// Grace is how long a cancelled step may take to end by itself; 0 is the
	// server's default.
	Grace Duration `json:"grace_period,omitempty" bson:"grace_period,omitempty"`
	// Hooks are what runs around the step; nil for none.
	Hooks *Hooks `json:"hooks,omitempty" bson:"hooks,omitempty"`
}

// TriggerType is what may start an execution.
type TriggerType string

// The trigger types.
const (
	TriggerManual      TriggerType = "manual"
	TriggerWebhook     TriggerType = "webhook"
	TriggerSchedule    TriggerType = "schedule"
	TriggerGitPush     TriggerType = "git_push"
	TriggerGitTag      TriggerType = "git_tag"
	TriggerPullRequest TriggerType = "pull_request"
)

// TriggerTypes lists every trigger type.
func TriggerTypes() []TriggerType {
	return []TriggerType{TriggerManual, TriggerWebhook, TriggerSchedule, TriggerGitPush, TriggerGitTag, TriggerPullRequest}
}

// Delivered reports whether deliveries of webhooks start what has such a trigger.
func (t TriggerType) Delivered() bool {
	switch t {
	case TriggerWebhook, TriggerGitPush, TriggerGitTag, TriggerPullRequest:
		return true
	default:
		return false
	}
}

// Trigger is a declared reason to run a pipeline.
type Trigger struct {
	Type   TriggerType   `json:"trigger_type" bson:"trigger_type"`
	Config TriggerConfig `json:"config" bson:"config"`
}

// TriggerConfig narrows a trigger.
type TriggerConfig struct {
	WebhookURL     string   `json:"webhook_url,omitempty" bson:"webhook_url,omitempty"`
	CronExpression string   `json:"cron_expression,omitempty" bson:"cron_expression,omitempty"`
	TimeZone       string   `json:"timezone,omitempty" bson:"timezone,omitempty"`
	BranchPatterns []string `json:"branch_patterns,omitempty" bson:"branch_patterns,omitempty"`
	TagPatterns    []string `json:"tag_patterns,omitempty" bson:"tag_patterns,omitempty"`
	Repository     string   `json:"repository,omitempty" bson:"repository,omitempty"`
	Events         []string `json:"events,omitempty" bson:"events,omitempty"`
	// Missed says what becomes of the times of a schedule that pass while no server
	// runs; empty is MissedOnce.
	Missed MissedPolicy `json:"missed,omitempty" bson:"missed,omitempty"`
	// MissedWithin is how old a time may be that MissedOnce still makes up for; 0 is
	// an hour.
	MissedWithin Duration `json:"missed_within,omitempty" bson:"missed_within,omitempty"`
	// Paths and IgnorePaths narrow to changes, as those of When do.
	Paths       []string `json:"paths,omitempty" bson:"paths,omitempty"`
	IgnorePaths []string `json:"ignore_paths,omitempty" bson:"ignore_paths,omitempty"`
	// Connector reads the deliveries; empty is the one that knows them
	// by their headers.
	Connector string `json:"connector,omitempty" bson:"connector,omitempty"`
	// Secret names what deliveries are signed with; empty is DefaultWebhookSecret.
	Secret string `json:"secret,omitempty" bson:"secret,omitempty"`
	// AllowUnsigned lets in what nobody has signed, from anybody, at the pipeline's own
	// address. There is no Secret then.
	AllowUnsigned bool `json:"allow_unsigned,omitempty" bson:"allow_unsigned,omitempty"`
	// AllowForks lets in pull requests from other repositories, whose code a step may
	// run with the pipeline's secrets.
	AllowForks bool `json:"allow_forks,omitempty" bson:"allow_forks,omitempty"`
	// Options are the connector's own, a JSON object.
	Options json.RawMessage `json:"options,omitempty" bson:"options,omitempty"`
}

// DefaultWebhookSecret is the secret of triggers that name none.
const DefaultWebhookSecret = "WEBHOOK_SECRET"

// SecretName is the secret that deliveries for the trigger are signed with; empty when
// they need no signature.
func (c *TriggerConfig) SecretName() string {
	switch {
	case c.AllowUnsigned:
		return ""
	case c.Secret == "":
		return DefaultWebhookSecret
	}
	return c.Secret
}

// MissedPolicy says what becomes of missed times of a schedule.
type MissedPolicy string

// The policies.
const (
	// MissedOnce makes up for the latest, once.
	MissedOnce MissedPolicy = "once"
	// MissedSkip waits for the next.
	MissedSkip MissedPolicy = "skip"
)

// Notifications are messages sent when a run starts or ends.
type Notifications struct {
	OnStart   []NotificationTarget `json:"on_start,omitempty" bson:"on_start,omitempty"`
	OnSuccess []NotificationTarget `json:"on_success,omitempty" bson:"on_success,omitempty"`
	OnFailure []NotificationTarget `json:"on_failure,omitempty" bson:"on_failure,omitempty"`
	OnCancel  []NotificationTarget `json:"on_cancel,omitempty" bson:"on_cancel,omitempty"`
	// OnFinish is for every end.
	OnFinish []NotificationTarget `json:"on_finish,omitempty" bson:"on_finish,omitempty"`
}

// The target types that are no connector's.
const (
	TargetEmail   = "email"
	TargetSlack   = "slack"
	TargetWebhook = "webhook"
)

// NotificationTarget is where one message goes: email, slack, webhook, or a connector
// that reports the status of commits (github, gitlab, …).
type NotificationTarget struct {
	Type string `json:"target_type" bson:"target_type"`
	// Config has the file's texts; secrets are names or references, and resolved when a
	// message is sent.
	Config map[string]string `json:"config" bson:"config"`
}
