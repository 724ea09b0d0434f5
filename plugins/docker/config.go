package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// When an image is pulled.
const (
	pullMissing = "missing"
	pullAlways  = "always"
	pullNever   = "never"
)

// config is what a docker step may say.
type config struct {
	Image            string          `json:"image" jsonschema:"required,minLength=1" jsonschema_description:"The image to run, such as alpine:3.20 or registry.example.com/team/tool@sha256:…"`
	Command          commandLine     `json:"command,omitempty" jsonschema_description:"A text is run by sh -c; a list is the command line itself, and needs no shell in the image. It takes the place of the image's entrypoint"`
	Script           sdk.Lines       `json:"script,omitempty" jsonschema_description:"Run by sh -e -c: the first command that fails ends it"`
	Entrypoint       words           `json:"entrypoint,omitempty" jsonschema_description:"Takes the place of the image's entrypoint; command or script become its arguments"`
	Environment      sdk.Environment `json:"environment,omitempty"`
	WorkingDirectory string          `json:"working_directory,omitempty" jsonschema_description:"Relative to the workspace; it cannot leave it"`
	User             string          `json:"user,omitempty" jsonschema_description:"A name or uid, or uid:gid, to run as. Without it: the image's; or the server's own, if the server does not run as root"`
	Pull             string          `json:"pull,omitempty" jsonschema:"enum=missing,enum=always,enum=never,default=missing" jsonschema_description:"When to pull the image"`
	Platform         string          `json:"platform,omitempty" jsonschema:"pattern=^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$" jsonschema_description:"Which of an image's platforms to run, such as linux/arm64; without it: the Engine's own"`
	RegistryAuth     registryAuths   `json:"registry_auth,omitempty"`

	limits
	isolation
	networking
	storage

	Services []service `json:"services,omitempty" jsonschema:"maxItems=16" jsonschema_description:"Containers beside the step's, such as a database; the step reaches them by their names"`

	// Known from RustCI's files, for building and deploying.
	Dockerfile   string `json:"dockerfile,omitempty" jsonschema_description:"For a step that builds an image"`
	BuildContext string `json:"build_context,omitempty" jsonschema_description:"For a step that builds an image"`
	Registry     string `json:"registry,omitempty" jsonschema_description:"For a step that builds an image"`
	Tags         words  `json:"tags,omitempty" jsonschema_description:"For a step that builds an image"`
	Ports        []any  `json:"ports,omitempty" jsonschema_description:"For a step that deploys an image as a service"`
	Distroless   bool   `json:"distroless,omitempty" jsonschema_description:"For a step that builds an image"`
}

// runs reports whether the step says what to run. Without, RustCI takes some keys
// for an order to build or to deploy.
func (c *config) runs() bool { return c.Command.given() || c.Script != "" }

// CheckConfig refuses what cannot be done, rather than do something else.
func (c *config) CheckConfig() error {
	if c.Command.given() && c.Script != "" {
		return invalid("/script", "keep one of them", "command and script are both given")
	}
	if list := c.Command.list; len(list) > 0 && list[0] == "" {
		return invalid("/command", "begin with the program's name", "the command's first word is empty")
	}
	if err := checkImage("", c.Image); err != nil {
		return err
	}
	for _, check := range []error{c.limits.check(""), c.isolation.check(""), c.networking.check(), c.storage.check(""), c.checkServices()} {
		if check != nil {
			return check
		}
	}
	if keys := c.unsupported(); !c.runs() && len(keys) > 0 {
		return refuse(keys[0])
	}
	return nil
}

func checkImage(at, image string) error {
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return invalid(at+"/image", "write it like alpine:3.20 or registry.example.com/team/tool:1.0, in lower case",
			"%q is not the name of an image: %v", image, err)
	}
	return nil
}

// refuse says why a step without a command may not have the key.
func refuse(key string) error {
	if key == "ports" {
		return invalid("/ports", "write action: deploy, or add command: or script: to run something in the image",
			"ports without a command asks for a deployment, and this step runs something")
	}
	return invalid("/"+key, "add dockerfile: or build_context: to build it, or command: or script: to run something in the image",
		"%s without a command is for an image that is built, and this step does not say from what", key)
}

// unsupported returns the keys given that this version does nothing with.
func (c *config) unsupported() []string {
	var keys []string
	for _, k := range []struct {
		name  string
		given bool
	}{
		{"dockerfile", c.Dockerfile != ""}, {"build_context", c.BuildContext != ""}, {"tags", len(c.Tags) > 0},
		{"distroless", c.Distroless}, {"registry", c.Registry != ""}, {"ports", len(c.Ports) > 0},
	} {
		if k.given {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// withoutEffect warns of keys that a step with a command may carry, but that do
// nothing to it.
func withoutEffect(raw json.RawMessage) []sdk.Diagnostic {
	var c config
	if json.Unmarshal(raw, &c) != nil || !c.runs() {
		return nil // CheckConfig has said so, or it is a build
	}
	var warnings []sdk.Diagnostic
	for _, key := range c.unsupported() {
		warnings = append(warnings, sdk.Diagnostic{Severity: sdk.SeverityWarning, Pointer: "/" + key,
			Message:    key + " has no effect on a step with a command",
			Suggestion: "remove it; images are pulled from the registry that image names"})
	}
	return warnings
}

func invalid(pointer, suggestion, format string, args ...any) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: pointer, Suggestion: suggestion,
		Message: fmt.Sprintf(format, args...)}
}

// commandLine is a text for a shell, or the words of a command line.
type commandLine struct {
	text string
	list []string
}

func (c commandLine) given() bool { return strings.TrimSpace(c.text) != "" || len(c.list) > 0 }

// UnmarshalJSON reads both forms.
func (c *commandLine) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &c.text) == nil {
		return nil
	}
	if err := json.Unmarshal(data, &c.list); err != nil {
		return fmt.Errorf("expected a text or a list of words: %w", err)
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (commandLine) JSONSchema() *jsonschema.Schema { return textOrList() }

// words is a list that may be written as one word.
type words []string

// UnmarshalJSON reads both forms; an empty text is no word.
func (w *words) UnmarshalJSON(data []byte) error {
	var c commandLine
	if err := c.UnmarshalJSON(data); err != nil {
		return err
	}
	if *w = c.list; c.text != "" {
		*w = words{c.text}
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (words) JSONSchema() *jsonschema.Schema { return textOrList() }

func textOrList() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
}
