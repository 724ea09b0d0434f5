package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// deployConfig is what a step may say that deploys a container as a service.
type deployConfig struct {
	Image            string          `json:"image,omitempty" jsonschema_description:"The image to deploy; with dockerfile: a name for what is built"`
	Dockerfile       string          `json:"dockerfile,omitempty" jsonschema_description:"Build the image from it first, as the action build does"`
	BuildContext     string          `json:"build_context,omitempty" jsonschema_description:"The folder to build in, relative to the workspace"`
	Args             buildArgs       `json:"args,omitempty" jsonschema_description:"Values for the Dockerfile's ARGs"`
	Target           string          `json:"target,omitempty" jsonschema_description:"The stage of the Dockerfile to build"`
	ServiceName      string          `json:"service_name,omitempty" jsonschema_description:"Name of the service: lower-case letters, digits, '-', '_' and '.'. Without it: the last part of the image's name"`
	Version          string          `json:"version,omitempty" jsonschema:"maxLength=200" jsonschema_description:"For people; without it: the image's tag"`
	Command          commandLine     `json:"command,omitempty" jsonschema_description:"A text is run by sh -c; a list becomes the arguments of the image's entrypoint"`
	Entrypoint       words           `json:"entrypoint,omitempty" jsonschema_description:"Takes the place of the image's entrypoint"`
	Environment      sdk.Environment `json:"environment,omitempty"`
	ServiceSecrets   []string        `json:"service_secrets,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Which of the step's secrets the container gets as variables, at each start"`
	WorkingDirectory string          `json:"working_directory,omitempty" jsonschema_description:"In the container; without it: the image's"`
	User             string          `json:"user,omitempty" jsonschema_description:"A name or uid, or uid:gid, to run as; without it: the image's"`
	Ports            []servicePort   `json:"ports,omitempty" jsonschema:"maxItems=32" jsonschema_description:"Ports of the container that the machine has: 80 for a free one of the server's range, or 8080:80 for that one"`
	Port             *servicePort    `json:"port,omitempty" jsonschema_description:"One more of ports, the first"`
	Pull             string          `json:"pull,omitempty" jsonschema:"enum=missing,enum=always,enum=never,default=missing" jsonschema_description:"When to pull the image"`
	Platform         string          `json:"platform,omitempty" jsonschema:"pattern=^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$" jsonschema_description:"Which of an image's platforms to run; without it: the Engine's own"`
	RegistryAuth     registryAuths   `json:"registry_auth,omitempty"`
	Keep             int             `json:"keep,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"How many releases are kept to go back to, the live one counted; without it: the server's choice"`
	StopGrace        span            `json:"stop_grace,omitempty" jsonschema_description:"How long it may take to stop after SIGTERM"`
	Handover         string          `json:"handover,omitempty" jsonschema:"enum=switch,enum=replace" jsonschema_description:"switch: the new container is started and checked beside the old; replace: the old one is stopped first. Without it: replace with a fixed port, else switch"`
	HealthCheck      *deployHealth   `json:"health_check,omitempty"`

	limits
	isolation
	networking
	storage
}

// deployHealth says when a service is well. Of http, tcp and command one is given.
type deployHealth struct {
	HTTP        *string     `json:"http,omitempty" jsonschema_description:"Path of a GET to the first port"`
	Port        string      `json:"port,omitempty" jsonschema_description:"Name of another port for it: the container's number"`
	Status      int         `json:"status,omitempty" jsonschema:"minimum=100,maximum=599" jsonschema_description:"The status that is expected; without it: any from 200 to 399"`
	TCP         *string     `json:"tcp,omitempty" jsonschema_description:"The name of the port that takes connections, the container's number; empty for the first"`
	Command     commandLine `json:"command,omitempty" jsonschema_description:"Run in the container; it is well when that ends with 0"`
	Interval    span        `json:"interval,omitempty" jsonschema_description:"Between two checks"`
	Timeout     span        `json:"timeout,omitempty" jsonschema_description:"For one check"`
	StartPeriod span        `json:"start_period,omitempty" jsonschema_description:"In which failures do not count"`
	Retries     int         `json:"retries,omitempty" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"How many failures in a row are too many"`
}

// CheckConfig refuses what cannot be deployed.
func (c *deployConfig) CheckConfig() error {
	if !c.builds() || c.Image != "" {
		if err := checkImage("", c.Image); err != nil {
			return err
		}
	}
	if c.service() == "" {
		return invalid("/service_name", "add service_name", "the service has no name")
	}
	for _, err := range []error{c.limits.check(""), c.isolation.check(""), c.networking.check(), c.storage.check(""), c.HealthCheck.check()} {
		if err != nil {
			return err
		}
	}
	if c.WorkingDirectory != "" && !path.IsAbs(c.WorkingDirectory) {
		return invalid("/working_directory", "write an absolute path in the container", "%q is not an absolute path", c.WorkingDirectory)
	}
	if c.Network == networkHost && len(c.ports()) > 0 {
		return invalid("/network", "remove ports: or network:", "on the machine's own network a container has no ports of its own")
	}
	return c.release().Check()
}

func (h *deployHealth) check() error {
	if h == nil {
		return nil
	}
	kinds := 0
	for _, given := range []bool{h.HTTP != nil, h.TCP != nil, h.Command.given()} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return invalid("/health_check", "keep one of http, tcp and command", "a health check is one of http, tcp and command; this has %d of them", kinds)
	}
	return nil
}

func (h *deployHealth) release() sdk.HealthCheck {
	if h == nil {
		return sdk.HealthCheck{}
	}
	check := sdk.HealthCheck{Interval: time.Duration(h.Interval), Timeout: time.Duration(h.Timeout), StartPeriod: time.Duration(h.StartPeriod), Retries: h.Retries}
	switch {
	case h.HTTP != nil:
		check.HTTP = &sdk.HTTPCheck{Path: *h.HTTP, Port: h.Port, Status: h.Status}
	case h.TCP != nil:
		check.TCP = &sdk.TCPCheck{Port: *h.TCP}
	case len(h.Command.list) > 0:
		check.Command = &sdk.CommandCheck{Argv: h.Command.list}
	default:
		check.Command = &sdk.CommandCheck{Argv: []string{"sh", "-c", h.Command.text}}
	}
	return check
}

// ports are all of them, the first being the one that people come to.
func (c *deployConfig) ports() []servicePort {
	if c.Port == nil {
		return c.Ports
	}
	return append([]servicePort{*c.Port}, c.Ports...)
}

// builds reports whether the image is built first.
func (c *deployConfig) builds() bool { return c.Dockerfile != "" || c.BuildContext != "" }

// service is the name of the service.
func (c *deployConfig) service() string {
	if c.ServiceName != "" {
		return c.ServiceName
	}
	named, err := reference.ParseNormalizedNamed(c.Image)
	if err != nil {
		return ""
	}
	return path.Base(reference.Path(named))
}

func (c *deployConfig) version() string {
	if c.Version != "" {
		return c.Version
	}
	if named, err := reference.ParseNormalizedNamed(c.Image); err == nil {
		if tagged, ok := named.(reference.Tagged); ok {
			return tagged.Tag()
		}
	}
	return ""
}

// release is the release without its spec.
func (c *deployConfig) release() sdk.Release {
	r := sdk.Release{Service: c.service(), Version: c.version(), Keep: c.Keep, Health: c.HealthCheck.release(), Handover: sdk.Handover(c.Handover),
		Environment: c.Environment, Secrets: c.ServiceSecrets, Grace: time.Duration(c.StopGrace)}
	if c.Handover == "" {
		r.Handover = sdk.HandoverSwitch
	}
	for _, p := range c.ports() {
		r.Ports = append(r.Ports, sdk.ServicePort{Name: p.name(), Port: p.machine})
		if p.machine != 0 && c.Handover == "" {
			r.Handover = sdk.HandoverReplace
		}
	}
	return r
}

// servicePort is a port of the container's, and one of the machine's, or 0 for any.
type servicePort struct {
	machine, container int
	protocol           string
	// address is where to listen, empty for where the server says.
	address string
}

// name is the container's number, and its protocol if that is no TCP.
func (p servicePort) name() string {
	if p.protocol == "tcp" {
		return strconv.Itoa(p.container)
	}
	return strconv.Itoa(p.container) + "-" + p.protocol
}

// UnmarshalJSON reads 80, "80", "8080:80", "127.0.0.1:8080:80" and each with "/udp".
func (p *servicePort) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	whole := text
	text, p.protocol, _ = strings.Cut(text, "/")
	if p.protocol == "" {
		p.protocol = "tcp"
	}
	wrong := fmt.Errorf("%q is no port; write 80 for a free one of the machine, or 8080:80, or 127.0.0.1:8080:80, each with /udp if need be", whole)
	if p.protocol != "tcp" && p.protocol != "udp" {
		return wrong
	}
	machine := ""
	if at := strings.LastIndexByte(text, ':'); at >= 0 {
		machine, text = text[:at], text[at+1:]
	}
	if at := strings.LastIndexByte(machine, ':'); at >= 0 {
		address, err := netip.ParseAddr(strings.Trim(machine[:at], "[]"))
		if err != nil {
			return wrong
		}
		p.address, machine = address.String(), machine[at+1:]
	}
	for _, number := range []struct {
		text string
		into *int
	}{{text, &p.container}, {machine, &p.machine}} {
		if number.text == "" && number.into == &p.machine {
			continue
		}
		n, err := strconv.ParseUint(number.text, 10, 16)
		if err != nil || n == 0 && number.into == &p.container {
			return wrong
		}
		*number.into = int(n)
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (p servicePort) MarshalJSON() ([]byte, error) {
	text := fmt.Sprintf("%d:%d/%s", p.machine, p.container, p.protocol)
	if p.address != "" {
		text = "[" + p.address + "]:" + text
	}
	return json.Marshal(text)
}

// JSONSchema implements jsonschema's customising interface.
func (servicePort) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer", Minimum: "1", Maximum: "65535"}, {Type: "string"}}}
}
