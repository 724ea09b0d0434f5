package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// buildConfig is what a step that builds an image may say.
type buildConfig struct {
	Image    string `json:"image,omitempty" jsonschema_description:"The name of the image to be, such as my-app or registry.example.com/team/app:1.0"`
	Tags     words  `json:"tags,omitempty" jsonschema_description:"Tags of image (latest, 1.0), or whole names (team/app:1.0)"`
	Registry string `json:"registry,omitempty" jsonschema_description:"The registry of all names that have none: its host, port if any, and perhaps a path"`

	Dockerfile       string          `json:"dockerfile,omitempty" jsonschema_description:"Path of the Dockerfile, looked for in the working directory and then in the build context; without it: Dockerfile in the context"`
	DockerfileInline sdk.Lines       `json:"dockerfile_inline,omitempty" jsonschema_description:"The text of a Dockerfile, in place of a file"`
	BuildContext     string          `json:"build_context,omitempty" jsonschema_description:"The folder whose files the build gets; without it: the working directory"`
	WorkingDirectory string          `json:"working_directory,omitempty" jsonschema_description:"What dockerfile and build_context are relative to; itself relative to the workspace, which it cannot leave"`
	Args             buildArgs       `json:"args,omitempty" jsonschema_description:"Values for the Dockerfile's ARGs: a map, or a list of NAME=value; one without a value takes the environment's. They can be read in the image's history: not for secrets"`
	Environment      sdk.Environment `json:"environment,omitempty" jsonschema_description:"Values for those args that have none; a build has no environment otherwise"`
	Target           string          `json:"target,omitempty" jsonschema_description:"The stage of the Dockerfile to build; without it: the last one"`
	Labels           sdk.Environment `json:"labels,omitempty" jsonschema_description:"Labels of the image: a map, or a list of NAME=value"`
	Platform         string          `json:"platform,omitempty" jsonschema_description:"Build for it, such as linux/arm64; without it: the Engine's own"`

	CacheFrom words     `json:"cache_from,omitempty" jsonschema_description:"Images whose layers may be used in place of building them; pulled if they are missing"`
	NoCache   bool      `json:"no_cache,omitempty" jsonschema_description:"Build every layer anew"`
	Pull      pullBases `json:"pull,omitempty" jsonschema_description:"true or always: pull base images also when they are there"`

	Distroless   bool          `json:"distroless,omitempty" jsonschema_description:"Fail unless the image built has neither a shell nor a package manager"`
	Push         *bool         `json:"push,omitempty" jsonschema_description:"Push all names when the image is built; true without saying so when registry is given"`
	RegistryAuth registryAuths `json:"registry_auth,omitempty"`
}

// pushes reports whether the image is to be pushed: who names a registry means it.
func (c *buildConfig) pushes() bool {
	if c.Push != nil {
		return *c.Push
	}
	return c.Registry != ""
}

var platformForm = regexp.MustCompile(`^[a-z0-9]+(/[a-z0-9_]+(/[a-z0-9]+)?)?$`)

// CheckConfig refuses what cannot be built.
func (c *buildConfig) CheckConfig() error {
	names, err := imageNames(c.Image, c.Tags, c.Registry)
	switch {
	case err != nil:
		return err
	case c.pushes() && len(names) == 0:
		return invalid("/push", "add image: or tags:", "an image without a name cannot be pushed")
	case c.Dockerfile != "" && c.DockerfileInline != "":
		return invalid("/dockerfile_inline", "keep one of them", "dockerfile and dockerfile_inline are both given")
	case isAddress(c.BuildContext):
		return invalid("/build_context", "clone or download it in an earlier step, and name the folder",
			"build_context is the address of something, not a folder of the workspace")
	case c.Platform != "" && !platformForm.MatchString(strings.ToLower(c.Platform)):
		return invalid("/platform", "write it like linux/amd64 or linux/arm64/v8", "%q is not a platform", c.Platform)
	}
	for i, image := range c.CacheFrom {
		if _, err := reference.ParseNormalizedNamed(image); err != nil {
			return invalid(fmt.Sprintf("/cache_from/%d", i), "write it like team/app:latest", "%q is not the name of an image: %v", image, err)
		}
	}
	for name := range c.Labels {
		if strings.HasPrefix(name, "ci.patchbay.") {
			return invalid("/labels", "choose another name", "labels that begin with ci.patchbay. mark what this connector made, and are its own: %s", name)
		}
	}
	return nil
}

// isAddress knows what docker build would fetch by itself.
func isAddress(context string) bool {
	return strings.Contains(context, "://") || strings.HasPrefix(context, "git@") || strings.HasPrefix(context, "github.com/") || context == "-"
}

// buildArgs are the values for a Dockerfile's ARGs. One that is nil takes the value
// of the environment's variable of that name, as with docker build --build-arg NAME.
type buildArgs map[string]*string

// UnmarshalJSON reads a map of scalars, or a list of NAME=value and NAME.
func (a *buildArgs) UnmarshalJSON(data []byte) error {
	*a = buildArgs{}
	var list []string
	if json.Unmarshal(data, &list) == nil {
		for _, item := range list {
			name, value, given := strings.Cut(item, "=")
			if (*a)[name] = nil; given {
				(*a)[name] = &value
			}
		}
		return a.check()
	}
	var nulls map[string]json.RawMessage
	var values sdk.Environment
	if json.Unmarshal(data, &nulls) != nil || json.Unmarshal(data, &values) != nil {
		return errors.New("args is a map or a list of NAME=value")
	}
	for name, value := range values {
		if (*a)[name] = nil; string(nulls[name]) != "null" {
			(*a)[name] = &value
		}
	}
	return a.check()
}

func (a buildArgs) check() error {
	for name := range a {
		if name == "" || strings.ContainsAny(name, " \t\n") {
			return fmt.Errorf("args: %q is not the name of an ARG", name)
		}
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (buildArgs) JSONSchema() *jsonschema.Schema {
	schema := sdk.Environment{}.JSONSchema()
	for _, form := range schema.AnyOf {
		if form.Items != nil {
			form.Items = &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}
		}
	}
	schema.Description = ""
	return schema
}

// with fills in the values that the environment has. What is not set is left out,
// so that the Dockerfile's own default holds.
func (a buildArgs) with(environments ...map[string]string) map[string]*string {
	args := map[string]*string{}
	for name, value := range a {
		for _, environment := range environments {
			if found, set := environment[name]; set && value == nil {
				value = &found
			}
		}
		if value != nil {
			args[name] = value
		}
	}
	return args
}

// pullBases is whether to pull base images that are there: a yes or no, or one of the
// words that a step which runs something has.
type pullBases bool

// UnmarshalJSON reads both forms.
func (p *pullBases) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true", `"` + pullAlways + `"`:
		*p = true
	case "false", `"` + pullMissing + `"`:
		*p = false
	default:
		return errors.New("pull of a build is true or false (always or missing): the Engine pulls a base image that it lacks")
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (pullBases) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "boolean"}, {Type: "string", Enum: []any{pullAlways, pullMissing}}}}
}
