package deploy

import (
	"fmt"
	"regexp"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// What a step does when its rollout fails.
const (
	onFailureStop     = "stop"
	onFailureRollback = "rollback"
)

// Waiting is what all actions that bring something up have in common.
type Waiting struct {
	Wait        *bool    `json:"wait,omitempty" jsonschema_description:"Wait until all of it is ready; true unless false is given"`
	WaitTimeout Duration `json:"wait_timeout,omitempty" jsonschema_description:"How long to wait: seconds, or 90s, 10m; 5m unless given"`
	Patience    Duration `json:"patience,omitempty" jsonschema_description:"How long a visible problem (a crash loop, an image that cannot be pulled, no node with room, a quota) may last before the step fails; 15s unless given"`
}

func (w Waiting) waits() bool { return w.Wait == nil || *w.Wait }

func (w Waiting) timeout() time.Duration { return w.WaitTimeout.or(5 * time.Minute) }

func (w Waiting) patience() time.Duration { return w.Patience.or(15 * time.Second) }

// ApplyConfig is what an apply step may say.
type ApplyConfig struct {
	cluster.Access
	Manifest Manifests `json:"manifest" jsonschema:"required"`
	ApplyOptions
	Waiting
}

// ApplyOptions say how objects are applied.
type ApplyOptions struct {
	Release         string          `json:"release,omitempty" jsonschema_description:"A name for what is applied together, so that a later apply of the same name knows what was there"`
	CreateNamespace bool            `json:"create_namespace,omitempty" jsonschema_description:"Make the namespaces that are not there"`
	Force           bool            `json:"force,omitempty" jsonschema_description:"Take over fields that others own, instead of failing"`
	Prune           bool            `json:"prune,omitempty" jsonschema_description:"Remove what an earlier apply of the release made and the manifests do not have any more"`
	PruneKinds      []string        `json:"prune_kinds,omitempty" jsonschema_description:"The only kinds that are pruned (Deployment, or Deployment.apps). Without it: all but Namespace, CustomResourceDefinition, PersistentVolume and PersistentVolumeClaim"`
	OnFailure       string          `json:"on_failure,omitempty" jsonschema:"enum=stop,enum=rollback" jsonschema_description:"What to do when the rollout fails: stop (and leave things as they are), or rollback (put everything back as it was)"`
	Environment     sdk.Environment `json:"environment,omitempty"`
}

// releaseName fits the name of an object (RFC 1123, subdomain).
var releaseName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$`)

// CheckConfig implements the check of a typed action.
func (c *ApplyConfig) CheckConfig() error { return c.ApplyOptions.check(c.Manifest) }

// check refuses what cannot be meant.
func (o ApplyOptions) check(manifest Manifests) error {
	switch {
	case len(manifest) == 0:
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/manifest", Message: "manifest is empty",
			Suggestion: "name a file or a folder in the workspace, or write the manifest itself"}
	case o.Release != "" && !releaseName.MatchString(o.Release):
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/release", Message: fmt.Sprintf("%q cannot be the name of a release", o.Release),
			Suggestion: "use lower-case letters, digits, - and ., at most 53"}
	case o.Prune && o.Release == "":
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/prune", Message: "prune needs to know what was applied before",
			Suggestion: "add release: with a name for what is applied together"}
	}
	return manifest.inline()
}

// Duration is a number of seconds, or a text like 90s or 10m.
type Duration time.Duration

// UnmarshalJSON reads both forms.
func (d *Duration) UnmarshalJSON(data []byte) error {
	text := string(data)
	if len(text) >= 2 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		if parsed, err = time.ParseDuration(text + "s"); err != nil {
			return fmt.Errorf("%s is no duration; write seconds, or 90s, 10m, 1h30m", data)
		}
	}
	if parsed < 0 {
		return fmt.Errorf("%s is less than nothing", data)
	}
	*d = Duration(parsed)
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "number", Minimum: "0"}, {Type: "string", Pattern: `^[0-9]`}}}
}

func (d Duration) or(otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}
