package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// How a pod gets the workspace and gives it back.
const (
	workspaceCopy = "copy" // files are copied in, and out again
	workspaceNone = "none" // an empty folder, which ends with the pod
)

// config is what a step that runs as a Job may say.
type config struct {
	cluster.Access

	Image            string          `json:"image" jsonschema:"required,minLength=1" jsonschema_description:"The image to run, such as alpine:3.20 or registry.example.com/team/tool@sha256:…"`
	Command          commandLine     `json:"command,omitempty" jsonschema_description:"A text is run by sh -c; a list is the command line itself, and needs no shell in the image. It takes the place of the image's entrypoint"`
	Script           sdk.Lines       `json:"script,omitempty" jsonschema_description:"Run by sh -e -c: the first command that fails ends it"`
	Environment      sdk.Environment `json:"environment,omitempty"`
	WorkingDirectory string          `json:"working_directory,omitempty" jsonschema_description:"Relative to the workspace; it cannot leave it"`

	RepositoryURL   string `json:"repository_url,omitempty" jsonschema_description:"A Git repository that is cloned into the workspace first"`
	Branch          string `json:"branch,omitempty" jsonschema_description:"The branch or tag to clone. Without it: the repository's default"`
	Commit          string `json:"commit,omitempty" jsonschema_description:"The commit to check out; the repository's server has to give it out by its full hash"`
	RepositoryToken string `json:"repository_token,omitempty" jsonschema_description:"The name of a secret of the step: a token for cloning over HTTPS"`

	Workspace   string     `json:"workspace,omitempty" jsonschema:"enum=copy,enum=none,default=copy" jsonschema_description:"copy: the run's files are copied into the pod, and back after the step. none: the step begins with an empty folder and nothing is kept"`
	HelperImage string     `json:"helper_image,omitempty" jsonschema_description:"An image with sh and tar that copies files. Without it: the server's setting, or the step's own image"`
	Parameters  parameters `json:"parameters,omitzero"`

	ImagePullPolicy  string            `json:"image_pull_policy,omitempty" jsonschema:"enum=Always,enum=IfNotPresent,enum=Never" jsonschema_description:"Without it, Kubernetes decides: Always for the tag latest"`
	ImagePullSecrets []string          `json:"image_pull_secrets,omitempty" jsonschema_description:"Names of Secrets of the namespace with credentials of registries"`
	RegistryAuth     *registryAuth     `json:"registry_auth,omitempty" jsonschema_description:"Credentials of a registry from secrets of the step"`
	NodeSelector     map[string]string `json:"node_selector,omitempty" jsonschema_description:"Labels that the pod's node must have"`
	Tolerations      []toleration      `json:"tolerations,omitempty" jsonschema_description:"Taints that the pod bears"`
	SecurityContext  securityContext   `json:"security_context,omitzero"`
	Labels           map[string]string `json:"labels,omitempty" jsonschema_description:"For the Job and its pod"`
	Annotations      map[string]string `json:"annotations,omitempty" jsonschema_description:"For the Job and its pod"`
	ScheduleTimeout  duration          `json:"schedule_timeout,omitempty" jsonschema_description:"How long the pod may wait for a node with room, for a volume, or for room in a quota; left out: 15s, or 10m while the cluster is making a node or a volume"`
}

// parameters are the documented keys of a kubernetes step.
type parameters struct {
	UsePVC           bool     `json:"use_pvc,omitempty" jsonschema_description:"The workspace is on a PersistentVolumeClaim of the step's own, removed with it"`
	UseHostPath      bool     `json:"use_hostpath,omitempty" jsonschema_description:"The pod has the run's folder itself; needs the server's setting PATCHBAY_KUBERNETES_HOSTPATH_NODE"`
	StorageClass     string   `json:"storage_class,omitempty" jsonschema_description:"With use_pvc; without it the cluster's default"`
	StorageSize      quantity `json:"storage_size,omitempty" jsonschema:"default=10Gi" jsonschema_description:"With use_pvc"`
	ServiceAccount   string   `json:"service_account,omitempty" jsonschema_description:"The pod gets a token of it. Without it the pod gets none"`
	ResourceRequests amounts  `json:"resource_requests,omitzero"`
	ResourceLimits   amounts  `json:"resource_limits,omitzero"`
}

type amounts struct {
	CPU              quantity `json:"cpu,omitempty" jsonschema_description:"Such as 500m or 2"`
	Memory           quantity `json:"memory,omitempty" jsonschema_description:"Such as 512Mi"`
	EphemeralStorage quantity `json:"ephemeral_storage,omitempty" jsonschema_description:"Such as 2Gi"`
}

type registryAuth struct {
	Server   string `json:"server" jsonschema:"required,minLength=1" jsonschema_description:"Such as registry.example.com"`
	Username string `json:"username" jsonschema:"required,minLength=1"`
	Password string `json:"password" jsonschema:"required,minLength=1" jsonschema_description:"The name of a secret of the step"`
}

type toleration struct {
	Key      string `json:"key,omitempty"`
	Operator string `json:"operator,omitempty" jsonschema:"enum=Exists,enum=Equal"`
	Value    string `json:"value,omitempty"`
	Effect   string `json:"effect,omitempty" jsonschema:"enum=NoSchedule,enum=PreferNoSchedule,enum=NoExecute"`
}

type securityContext struct {
	RunAsUser                *int64   `json:"run_as_user,omitempty"`
	RunAsGroup               *int64   `json:"run_as_group,omitempty"`
	FSGroup                  *int64   `json:"fs_group,omitempty" jsonschema_description:"The group that owns the workspace"`
	RunAsNonRoot             bool     `json:"run_as_non_root,omitempty" jsonschema_description:"Refuse to run as root; drops all capabilities"`
	ReadOnlyRoot             bool     `json:"read_only_root,omitempty" jsonschema_description:"Only the workspace and /tmp can be written to"`
	AllowPrivilegeEscalation bool     `json:"allow_privilege_escalation,omitempty" jsonschema_description:"For sudo and other setuid programs"`
	AddCapabilities          []string `json:"add_capabilities,omitempty" jsonschema_description:"Beyond the few that are kept for root; only such as the baseline Pod Security Standard allows"`
}

func invalid(pointer, suggestion, format string, args ...any) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: pointer, Suggestion: suggestion,
		Message: fmt.Sprintf(format, args...)}
}

// duration is written as 90s or 10m, or as a number of seconds.
type duration time.Duration

// UnmarshalJSON reads both forms.
func (d *duration) UnmarshalJSON(data []byte) error {
	var seconds float64
	if json.Unmarshal(data, &seconds) == nil {
		*d = duration(seconds * float64(time.Second))
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("expected a duration such as 90s or 10m")
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90s or 10m", text)
	}
	*d = duration(parsed)
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
}

// quantity is an amount as Kubernetes writes it; a plain number is one too.
type quantity string

// UnmarshalJSON reads both forms.
func (q *quantity) UnmarshalJSON(data []byte) error {
	var number json.Number
	if json.Unmarshal(data, &number) == nil && len(data) > 0 && data[0] != '"' {
		*q = quantity(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(q))
}

// JSONSchema implements jsonschema's customising interface.
func (quantity) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
}
