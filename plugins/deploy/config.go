package main

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// files are the keys that both actions have.
type files struct {
	ServiceName     string   `json:"service_name,omitempty" jsonschema_description:"Name of the service: lower-case letters, digits, '-', '_' and '.'. Without it: the last part of target_directory"`
	Version         string   `json:"version,omitempty" jsonschema:"maxLength=200" jsonschema_description:"For people: a tag, a commit"`
	Source          string   `json:"source,omitempty" jsonschema:"default=." jsonschema_description:"What is deployed: a folder or a file, relative to the workspace"`
	Exclude         []string `json:"exclude,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Patterns of what is left out: of names, or with a slash of paths relative to source. Without it: .git"`
	TargetDirectory string   `json:"target_directory,omitempty" jsonschema_description:"The folder, a symbolic link to the live release; relative to the services folder of the server's data folder, or absolute below one that the operator allows"`
	Existing        string   `json:"existing,omitempty" jsonschema:"enum=refuse,enum=move_aside,default=refuse" jsonschema_description:"What is done about a target_directory that this connector did not make"`
	Keep            int      `json:"keep,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"How many releases are kept to go back to, the live one counted; without it: the server's choice"`
	HealthCheck     *health  `json:"health_check,omitempty"`
}

// directoryConfig is what a local_directory step may say.
type directoryConfig struct {
	files
	Port *port `json:"port,omitempty" jsonschema_description:"Accepted; a folder has no port"`
}

// serviceConfig is what a local_service step may say.
type serviceConfig struct {
	files
	Command          argv            `json:"command" jsonschema:"required" jsonschema_description:"A text is run by sh -c; a list is the command line itself"`
	WorkingDirectory string          `json:"working_directory,omitempty" jsonschema_description:"Relative to the release"`
	Environment      sdk.Environment `json:"environment,omitempty"`
	ServiceSecrets   []string        `json:"service_secrets,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Which of the step's secrets the service gets as variables, at each start"`
	Port             *port           `json:"port,omitempty" jsonschema_description:"The port it listens on; 0 or auto for a free one. It is told by PORT"`
	Ports            map[string]port `json:"ports,omitempty" jsonschema_description:"More ports by name, told by PORT_NAME"`
	User             string          `json:"user,omitempty" jsonschema_description:"Whom it runs as, when the server runs as root"`
	StopGrace        span            `json:"stop_grace,omitempty" jsonschema_description:"How long it may take to stop after SIGTERM"`
	Handover         string          `json:"handover,omitempty" jsonschema:"enum=switch,enum=replace" jsonschema_description:"switch: the new one is started and checked beside the old; replace: the old one is stopped first. Without it: replace with a fixed port, else switch"`
}

// wanted is a release before its files are there.
type wanted struct {
	release  sdk.Release
	spec     spec
	source   string
	exclude  []string
	existing string
}

func (f *files) wanted() wanted {
	w := wanted{source: f.Source, exclude: f.Exclude, existing: f.Existing}
	if f.Exclude == nil {
		w.exclude = []string{".git"}
	}
	w.release = sdk.Release{Service: f.service(), Version: f.Version, Keep: f.Keep, Health: f.HealthCheck.check(), Handover: sdk.HandoverSwitch}
	w.spec = spec{Target: f.TargetDirectory, MoveAside: f.Existing == existingAside}
	return w
}

// service is the name of the service.
func (f *files) service() string {
	if f.ServiceName != "" {
		return f.ServiceName
	}
	return strings.ToLower(path.Base(filepath.ToSlash(f.TargetDirectory)))
}

// release is what a folder is; one that another server serves is checked in its place.
func (c *directoryConfig) release() wanted {
	w := c.wanted()
	if w.spec.Target == "" {
		w.spec.Target = w.release.Service
	}
	if w.release.Health.HTTP != nil {
		w.release.Handover = sdk.HandoverActivateThenCheck
	}
	return w
}

// release is what a service is.
func (c *serviceConfig) release(secrets map[string]string) (wanted, error) {
	for i, name := range c.ServiceSecrets {
		if _, given := secrets[name]; !given {
			return wanted{}, invalid(fmt.Sprintf("/service_secrets/%d", i), "add it to the step's secrets", "the step does not name the secret %s", name)
		}
	}
	w := c.wanted()
	w.release.Ports, w.release.Handover = c.ports(), sdk.Handover(c.Handover)
	if c.Handover == "" {
		w.release.Handover = sdk.HandoverSwitch
		if slices.ContainsFunc(w.release.Ports, func(p sdk.ServicePort) bool { return p.Port != 0 }) {
			w.release.Handover = sdk.HandoverReplace
		}
	}
	w.release.Environment, w.release.Secrets, w.release.Grace = c.Environment, c.ServiceSecrets, time.Duration(c.StopGrace)
	w.spec.Command, w.spec.WorkingDirectory, w.spec.User = c.Command, c.WorkingDirectory, c.User
	return w, nil
}

// mainPort is the name of the port that the key port stands for.
const mainPort = "http"

// ports are in a fixed order: that of the config's keys is not known.
func (c *serviceConfig) ports() []sdk.ServicePort {
	var list []sdk.ServicePort
	if c.Port != nil {
		list = append(list, sdk.ServicePort{Name: mainPort, Port: int(*c.Port)})
	}
	var names []string
	for name := range c.Ports {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, sdk.ServicePort{Name: name, Port: int(c.Ports[name])})
	}
	return list
}

// CheckConfig refuses what could be no release.
func (c *directoryConfig) CheckConfig() error {
	if err := c.files.check(); err != nil {
		return err
	}
	if h := c.HealthCheck; h != nil && (h.TCP != nil || h.HTTP != nil && h.HTTP.URL == "") {
		return invalid("/health_check", "check http: {url: …} of the server that serves it, or a command", "a folder has no port to be checked")
	}
	return c.release().release.Check()
}

// CheckConfig refuses what could be no release.
func (c *serviceConfig) CheckConfig() error {
	if err := c.files.check(); err != nil {
		return err
	}
	if len(c.Command) == 0 || strings.TrimSpace(c.Command[0]) == "" {
		return invalid("/command", "write the command that runs the service", "the command is empty")
	}
	if c.WorkingDirectory != "" && !filepath.IsLocal(c.WorkingDirectory) {
		return invalid("/working_directory", "give a path relative to the release, without leaving it", "working_directory %q is not in the release", c.WorkingDirectory)
	}
	known := map[string]string{}
	for _, name := range c.ServiceSecrets {
		known[name] = ""
	}
	w, err := c.release(known)
	if err != nil {
		return err
	}
	return w.release.Check()
}

func (f *files) check() error {
	if f.ServiceName == "" && f.TargetDirectory == "" {
		return invalid("/service_name", "add service_name", "the service has no name")
	}
	if !filepath.IsLocal(f.Source) {
		return invalid("/source", "give a path relative to the workspace, without leaving it", "source %q is not in the workspace", f.Source)
	}
	for i, pattern := range f.Exclude {
		if _, err := path.Match(pattern, ""); err != nil {
			return invalid(fmt.Sprintf("/exclude/%d", i), "write a pattern such as *.map or docs/*", "%q is no pattern", pattern)
		}
	}
	return f.HealthCheck.valid()
}

func invalid(pointer, suggestion, format string, args ...any) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: pointer, Suggestion: suggestion, Message: fmt.Sprintf(format, args...)}
}

// targetOf reads the one key that the operator has a say in.
func targetOf(config json.RawMessage) string {
	var c struct {
		Target string `json:"target_directory"`
	}
	_ = json.Unmarshal(config, &c) // the schema has been checked
	return c.Target
}

var portText = regexp.MustCompile(`^[0-9]{1,5}$`)

// port is a number, also as a text, or auto.
type port int

// UnmarshalJSON reads the forms.
func (p *port) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "auto" {
		text = "0"
	}
	if !portText.MatchString(text) {
		return fmt.Errorf("%s is no port; write a number, or auto", data)
	}
	return json.Unmarshal([]byte(text), (*int)(p))
}

// JSONSchema implements jsonschema's customising interface.
func (port) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: "0", Maximum: "65535"}, {Type: "string", Pattern: "^([0-9]{1,5}|auto)$"}}}
}
