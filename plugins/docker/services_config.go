package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// service is a container beside a step's.
type service struct {
	Name        string          `json:"name" jsonschema:"required,maxLength=63,pattern=^[a-z0-9]+(-+[a-z0-9]+)*$" jsonschema_description:"The name by which the step reaches it"`
	Image       string          `json:"image" jsonschema:"required,minLength=1" jsonschema_description:"The image to run"`
	Command     commandLine     `json:"command,omitempty" jsonschema_description:"A text is run by sh -c; a list becomes the arguments of the image's entrypoint"`
	Entrypoint  words           `json:"entrypoint,omitempty" jsonschema_description:"Takes the place of the image's entrypoint"`
	Environment sdk.Environment `json:"environment,omitempty"`
	User        string          `json:"user,omitempty" jsonschema_description:"A name or uid, or uid:gid, to run as; without it: the image's"`
	Ports       []any           `json:"ports,omitempty" jsonschema_description:"Has no effect: the step reaches every port of its services"`
	HealthCheck *healthCheck    `json:"health_check,omitempty" jsonschema_description:"When the service is ready. Without it: when its image's own check says so, or as soon as it runs"`

	limits
	isolation
	storage
}

// healthCheck says when a service is ready: the step begins then.
type healthCheck struct {
	Command  commandLine `json:"command,omitempty" jsonschema_description:"Run in the service's container; ready when it ends with 0"`
	TCP      int         `json:"tcp,omitempty" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"Ready when this port takes a connection"`
	Interval span        `json:"interval,omitempty" jsonschema_description:"Between two tries; default 1s"`
	Timeout  span        `json:"timeout,omitempty" jsonschema_description:"For one try; default 5s"`
	Retries  int         `json:"retries,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"How many tries before the step fails; default 30"`
}

// The defaults of a health check.
const (
	healthInterval = time.Second
	healthTimeout  = 5 * time.Second
	healthRetries  = 30
)

// timing is a health check's, with the defaults. A nil one has those.
func (h *healthCheck) timing() (interval, timeout time.Duration, retries int) {
	interval, timeout, retries = healthInterval, healthTimeout, healthRetries
	if h == nil {
		return interval, timeout, retries
	}
	if h.Interval > 0 {
		interval = time.Duration(h.Interval)
	}
	if h.Timeout > 0 {
		timeout = time.Duration(h.Timeout)
	}
	if h.Retries > 0 {
		retries = h.Retries
	}
	return interval, timeout, retries
}

// checkServices refuses services that could not be told apart or not be reached.
func (c *config) checkServices() error {
	if len(c.Services) > 0 && c.Network != "" && c.Network != networkBridge {
		return invalid("/network", "remove it", "a step with services has a network of its own, so it cannot be in %s", c.Network)
	}
	seen := map[string]bool{}
	for i := range c.Services {
		s, at := &c.Services[i], fmt.Sprintf("/services/%d", i)
		if seen[s.Name] {
			return invalid(at+"/name", "give each service a name of its own", "there are two services named %s", s.Name)
		}
		seen[s.Name] = true
		for _, err := range []error{checkImage(at, s.Image), s.limits.check(at), s.isolation.check(at), s.storage.check(at), s.HealthCheck.check(at + "/health_check")} {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *healthCheck) check(at string) error {
	if h == nil {
		return nil
	}
	switch given := h.Command.given(); {
	case given && h.TCP != 0:
		return invalid(at, "keep one of them", "command and tcp are both given")
	case !given && h.TCP == 0:
		return invalid(at, "add command: or tcp:", "the health check says nothing to try")
	case len(h.Command.list) > 0 && strings.TrimSpace(h.Command.list[0]) == "":
		return invalid(at+"/command", "begin with the program's name", "the command's first word is empty")
	}
	return nil
}

// portsOfServices warns of what need not be said.
func (c *config) portsOfServices() []sdk.Diagnostic {
	var warnings []sdk.Diagnostic
	for i, s := range c.Services {
		if len(s.Ports) > 0 {
			warnings = append(warnings, sdk.Diagnostic{Severity: sdk.SeverityWarning, Pointer: fmt.Sprintf("/services/%d/ports", i),
				Message: "ports has no effect on a service", Suggestion: "remove it; the step reaches " + s.Name + " at every port"})
		}
	}
	return warnings
}
