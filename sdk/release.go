package sdk

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// Bounds of a Release.
const (
	MaxReleaseSpec  = 256 << 10
	MaxServicePorts = 32
	maxKeep         = 1000
	maxCheckRetries = 10000
)

// Release is what a step of an action that deploys has made: everything a service needs
// to run, in a place that outlives the workspace (Workspace.DeployPath). The host keeps
// it, starts instances of it through the connector's Deployer, and the step succeeds when
// one is live.
type Release struct {
	// Service is its name: lower-case letters, digits, '-', '_' and '.', at most 63, the
	// first a letter or digit.
	Service string
	// Version is for people; may be empty.
	Version string
	// Spec is what the connector needs to start the release again later, without the
	// workspace: at most MaxReleaseSpec bytes, never a secret.
	Spec []byte
	// Ports that the service listens on, at most MaxServicePorts.
	Ports  []ServicePort
	Health HealthCheck
	// Keep is how many releases are kept to go back to, the live one counted; 0 is the
	// host's choice.
	Keep     int
	Handover Handover
	// Environment of the service; never a secret.
	Environment map[string]string
	// Secrets names those, of the step's, that the service gets at each start.
	Secrets []string
	// Grace is how long an instance may take to stop by itself; 0 is the host's choice.
	Grace time.Duration
}

// ServicePort is a port that a service wants.
type ServicePort struct {
	// Name in lower-case letters, digits and '-', unique in the release.
	Name string
	// Port is 0 for one from the host's range.
	Port int
}

// Handover is how a new release takes the place of the old one.
type Handover string

// The ways to hand over.
const (
	// HandoverSwitch starts and checks the new one beside the old, activates it, then
	// stops the old. Not with fixed ports.
	HandoverSwitch Handover = "switch"
	// HandoverReplace stops the old one first, and starts it again when the new one is
	// not well.
	HandoverReplace Handover = "replace"
	// HandoverActivateThenCheck activates the new one before it is checked, and the old
	// one again when it is not well: for files that another server serves, say.
	HandoverActivateThenCheck Handover = "activate_then_check"
)

// HealthCheck says when an instance counts as healthy. At most one of HTTP, TCP and
// Command is set; with none it has to run. What is zero is the host's choice.
type HealthCheck struct {
	HTTP    *HTTPCheck
	TCP     *TCPCheck
	Command *CommandCheck
	// Interval is the pause between two checks, Timeout what each may take.
	Interval, Timeout time.Duration
	// StartPeriod is how long failures do not count, from the start on.
	StartPeriod time.Duration
	// Retries is how many failures in a row are too many.
	Retries int
}

// HTTPCheck is a GET by the host.
type HTTPCheck struct {
	// Port is the name of one; empty is the first.
	Port string
	// Path begins with '/'; empty is "/".
	Path string
	// Status is expected; 0 is any from 200 to 399.
	Status int
	// URL is asked instead of a port of the service's, for what another server serves.
	URL string
}

// TCPCheck is a connection by the host to the port of this name; empty is the first.
type TCPCheck struct{ Port string }

// CommandCheck is run by the connector, where the service is.
type CommandCheck struct{ Argv []string }

// Release hands the step's release to the host, which deploys it when the step's work has
// succeeded: send it once, before the result, and again when the attempt is joined. An
// error of ClassInvalidConfig says what is wrong with it.
func (s *Session) Release(release Release) error {
	if err := release.Check(); err != nil {
		return err
	}
	return s.emit(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Release{Release: releaseToProto(release)}})
}

// Deploys says that the action sends a Release.
func Deploys() ActionOption { return func(a *ActionInfo) { a.Deploys = true } }

var (
	serviceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	portName    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// Check returns an Error of ClassInvalidConfig that says what is wrong with a release;
// nil when nothing is.
func (r Release) Check() error {
	switch {
	case !serviceName.MatchString(r.Service) || strings.Contains(r.Service, ".."):
		return Errorf(ClassInvalidConfig, "%.80q is no name for a service: use lower-case letters, digits, '-', '_' and '.', at most 63, the first a letter or digit", r.Service)
	case len(r.Version) > 200 || strings.ContainsAny(r.Version, "\n\r"):
		return Errorf(ClassInvalidConfig, "the version of service %s is longer than one line of 200 bytes", r.Service)
	case len(r.Spec) > MaxReleaseSpec:
		return Errorf(ClassInvalidConfig, "the release of service %s has a spec of %d bytes; %d is the most", r.Service, len(r.Spec), MaxReleaseSpec)
	case r.Keep < 0 || r.Keep > maxKeep:
		return Errorf(ClassInvalidConfig, "service %s wants %d releases kept; use 1 to %d", r.Service, r.Keep, maxKeep)
	case r.Grace < 0 || r.Grace > time.Hour:
		return Errorf(ClassInvalidConfig, "service %s wants %s to stop; an hour is the most", r.Service, r.Grace)
	}
	if err := r.checkPorts(); err != nil {
		return err
	}
	if err := r.checkEnvironment(); err != nil {
		return err
	}
	return r.checkHealth()
}

func (r Release) checkPorts() error {
	if len(r.Ports) > MaxServicePorts {
		return Errorf(ClassInvalidConfig, "service %s has %d ports; %d are the most", r.Service, len(r.Ports), MaxServicePorts)
	}
	names, numbers := map[string]bool{}, map[int]bool{}
	for _, p := range r.Ports {
		switch {
		case !portName.MatchString(p.Name):
			return Errorf(ClassInvalidConfig, "%.80q is no name for a port of service %s: use lower-case letters, digits and '-'", p.Name, r.Service)
		case p.Port < 0 || p.Port > 65535:
			return Errorf(ClassInvalidConfig, "service %s has the port %d; there are 1 to 65535", r.Service, p.Port)
		case names[p.Name] || p.Port > 0 && numbers[p.Port]:
			return Errorf(ClassInvalidConfig, "service %s has the port %s (%d) twice", r.Service, p.Name, p.Port)
		case p.Port > 0 && r.Handover != HandoverReplace:
			return Errorf(ClassInvalidConfig, "service %s has the fixed port %d, which two instances cannot have at once: hand over by %s", r.Service, p.Port, HandoverReplace)
		}
		names[p.Name], numbers[p.Port] = true, true
	}
	switch r.Handover {
	case HandoverSwitch, HandoverReplace, HandoverActivateThenCheck:
		return nil
	}
	return Errorf(ClassInvalidConfig, "service %s does not say how it is handed over", r.Service)
}

func (r Release) checkEnvironment() error {
	size := 0
	for name, value := range r.Environment {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") || !utf8.ValidString(name+value) {
			return Errorf(ClassInvalidConfig, "service %s has a variable %.80q in its environment that cannot be one", r.Service, name)
		}
		size += len(name) + len(value)
	}
	if size > MaxReleaseSpec {
		return Errorf(ClassInvalidConfig, "service %s has an environment of %d bytes; %d is the most", r.Service, size, MaxReleaseSpec)
	}
	return nil
}

func (r Release) hasPort(name string) bool {
	for _, p := range r.Ports {
		if name == "" || p.Name == name {
			return true
		}
	}
	return false
}
