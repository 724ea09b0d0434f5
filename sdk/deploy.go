package sdk

import (
	"context"
	"io"
	"time"
)

// Deployer is what a connector with actions that deploy implements: it has instances of
// releases running, or not, as the host wants it. Each method names the instance by an ID
// that is the host's, and is idempotent for it: after a crash of either side it is called
// again. Calls that change something come one after the other for one instance, and
// whatever they start outlives the connector's process. Optional.
type Deployer interface {
	// StartInstance has the instance running when it returns: started, started again
	// when it had ended, or found running; never two of one ID. It does not wait for
	// health.
	StartInstance(ctx context.Context, request StartInstanceRequest) error
	// ActivateInstance has the service's users reach this instance from now on, in one
	// step: they see the old one or this one, never neither. Where users come to the
	// port themselves there is nothing to do.
	ActivateInstance(ctx context.Context, request ActivateInstanceRequest) (Activation, error)
	// InspectInstance says how an instance is; one never heard of is absent.
	InspectInstance(ctx context.Context, request InspectInstanceRequest) (InstanceStatus, error)
	// CheckInstance runs a command where the instance is. An unhealthy one is a
	// result; an error means that the command could not be run at all.
	CheckInstance(ctx context.Context, request CheckInstanceRequest) (HealthResult, error)
	// StopInstance has the instance absent when it returns: nothing of it runs and its
	// ports are free. Its logs stay. One never heard of is no error.
	StopInstance(ctx context.Context, request StopInstanceRequest) error
	// RemoveRelease removes what is kept of a release of which nothing runs: files,
	// images, logs. One that is not there is no error.
	RemoveRelease(ctx context.Context, request RemoveReleaseRequest) error
	// InstanceLogs writes what an instance has printed; with Follow it goes on until
	// ctx is done or the instance has ended. One never heard of has printed nothing.
	InstanceLogs(ctx context.Context, request InstanceLogsRequest, stdout, stderr io.Writer) error
}

// InstanceWatcher reports how an instance is, at once and then at each change, until ctx
// is done. It stops, with that error, when report returns one. Without it the SDK calls
// InspectInstance again and again (see WatchInterval). Optional.
type InstanceWatcher interface {
	WatchInstance(ctx context.Context, request WatchInstanceRequest, report func(InstanceStatus) error) error
}

// WatchInterval is how often an instance is inspected for a host that watches it, when
// the connector is no InstanceWatcher.
const WatchInterval = time.Second

// Instance is one running release, as every call about it is told.
type Instance struct {
	// ID is unique for all time; derive the names of outside things from it.
	ID string
	// Action made the release.
	Action  string
	Service string
	// ReleaseID is the ID of the attempt that made the release: several instances, one
	// after the other, may be of one release.
	ReleaseID string
	Version   string
	// Spec is Release.Spec.
	Spec []byte
	// DeployPath is what Workspace.DeployPath was.
	DeployPath string
	// Ports are nobody else's as long as the instance has them.
	Ports       []LeasedPort
	Environment map[string]string
}

// LeasedPort is where an instance listens.
type LeasedPort struct {
	Name string
	// Address is an IP address.
	Address string
	Port    int
}

// StartInstanceRequest asks for an instance to run.
type StartInstanceRequest struct {
	Instance Instance
	// Secrets are never to be printed, put in an argv, or kept where others can read
	// them.
	Secrets map[string]string
}

// ActivateInstanceRequest asks for the switch.
type ActivateInstanceRequest struct{ Instance Instance }

// Activation is what a switch has done.
type Activation struct {
	// Endpoint is where the service is found, for people, when that is not a port: a
	// folder. May be empty.
	Endpoint string
}

// InspectInstanceRequest asks how an instance is.
type InspectInstanceRequest struct{ Instance Instance }

// WatchInstanceRequest asks to be told how an instance is.
type WatchInstanceRequest struct{ Instance Instance }

// InstanceState is what is to be found of an instance.
type InstanceState string

// The states of an instance.
const (
	// InstanceAbsent was never started, or was stopped.
	InstanceAbsent InstanceState = "absent"
	// InstanceRunning runs; what does not run, such as a folder, is there.
	InstanceRunning InstanceState = "running"
	// InstanceExited ended by itself, or something else ended it.
	InstanceExited InstanceState = "exited"
)

// InstanceStatus is how an instance is.
type InstanceStatus struct {
	State InstanceState
	// Since is when it got there; zero when unknown.
	Since time.Time
	// ExitCode and Signal say how it ended, as in Result.
	ExitCode *int
	Signal   string
	// Message is one line for people; may be empty.
	Message string
}

// CheckInstanceRequest asks for a command to be run where the instance is.
type CheckInstanceRequest struct {
	Instance Instance
	Secrets  map[string]string
	Argv     []string
	// Timeout is when the command is ended and the check has failed.
	Timeout time.Duration
}

// HealthResult is what a check found.
type HealthResult struct {
	Healthy bool
	// Message is one line: why not, or the end of what the command said.
	Message string
}

// StopInstanceRequest asks for an instance to end.
type StopInstanceRequest struct {
	Instance Instance
	// Grace is how long it may take by itself; then it is ended by force.
	Grace time.Duration
}

// RemoveReleaseRequest names a release that is not kept any longer.
type RemoveReleaseRequest struct {
	Action, Service, ReleaseID string
	Spec                       []byte
	DeployPath                 string
}

// InstanceLogsRequest asks for what an instance printed.
type InstanceLogsRequest struct {
	Instance Instance
	// Tail is how many lines of what is there already; 0 is all that is kept, negative
	// none.
	Tail   int
	Follow bool
}
