package core

import (
	"net"
	"strconv"
	"time"
)

// DeploymentState is how far a deployment is. Each is stored before anything is done in it,
// so that after a crash whatever it stands for is done, or done again.
type DeploymentState string

// The deployment states, in their order.
const (
	// DeploymentPending has nothing but perhaps some of its ports.
	DeploymentPending DeploymentState = "pending"
	// DeploymentStarting: the one before it may have been stopped, its own instance
	// started.
	DeploymentStarting DeploymentState = "starting"
	// DeploymentChecking: its instance is being checked.
	DeploymentChecking DeploymentState = "checking"
	// DeploymentActivating: users may reach it already.
	DeploymentActivating DeploymentState = "activating"
	// DeploymentLive serves.
	DeploymentLive DeploymentState = "live"
	// DeploymentRollingBack is being undone.
	DeploymentRollingBack DeploymentState = "rolling_back"

	// DeploymentFailed: there was nothing to go back to, or it was live and died too
	// often.
	DeploymentFailed DeploymentState = "failed"
	// DeploymentRolledBack failed, and the one before it serves.
	DeploymentRolledBack DeploymentState = "rolled_back"
	// DeploymentStopped was live until somebody stopped the service.
	DeploymentStopped DeploymentState = "stopped"
	// DeploymentSuperseded was live until the next one was.
	DeploymentSuperseded DeploymentState = "superseded"
)

// Ended reports whether nothing of the deployment runs any more.
func (s DeploymentState) Ended() bool {
	switch s {
	case DeploymentFailed, DeploymentRolledBack, DeploymentStopped, DeploymentSuperseded:
		return true
	}
	return false
}

// Handovers of a Release; the protocol of connectors says what they mean.
const (
	HandoverSwitch            = "switch"
	HandoverReplace           = "replace"
	HandoverActivateThenCheck = "activate_then_check"
)

// Release is what a step has made for a service, as it is kept to be started again. It
// has no secrets, but the names of those that are looked up at each start.
type Release struct {
	// ID is that of the attempt that made it.
	ID      string `json:"id" bson:"id"`
	Service string `json:"service" bson:"service"`
	Version string `json:"version,omitempty" bson:"version,omitempty"`
	// Connector and Action made it, and run it.
	Connector string `json:"connector" bson:"connector"`
	Action    string `json:"action" bson:"action"`
	// Spec is the connector's own.
	Spec        []byte            `json:"spec,omitempty" bson:"spec,omitempty"`
	Ports       []ServicePort     `json:"ports,omitempty" bson:"ports,omitempty"`
	Health      HealthCheck       `json:"health" bson:"health"`
	Keep        int               `json:"keep,omitempty" bson:"keep,omitempty"`
	Handover    string            `json:"handover" bson:"handover"`
	Environment map[string]string `json:"environment,omitempty" bson:"environment,omitempty"`
	Secrets     []string          `json:"secrets,omitempty" bson:"secrets,omitempty"`
	Grace       Duration          `json:"grace,omitempty" bson:"grace,omitempty"`
	// DeployPath is the connector's folder on the node.
	DeployPath string `json:"deploy_path" bson:"deploy_path"`

	// PipelineID is whose secrets it gets.
	PipelineID  string `json:"pipeline_id,omitempty" bson:"pipeline_id,omitempty"`
	ExecutionID string `json:"execution_id,omitempty" bson:"execution_id,omitempty"`
	Step        string `json:"step,omitempty" bson:"step,omitempty"`
}

// ServicePort is a port that a service wants; Port is 0 for one from the range.
type ServicePort struct {
	Name string `json:"name" bson:"name"`
	Port int    `json:"port,omitempty" bson:"port,omitempty"`
}

// HealthCheck says when an instance is healthy. At most one of HTTP, TCP and Command is
// set; with none it has to run.
type HealthCheck struct {
	HTTP        *HTTPCheck `json:"http,omitempty" bson:"http,omitempty"`
	TCP         *TCPCheck  `json:"tcp,omitempty" bson:"tcp,omitempty"`
	Command     []string   `json:"command,omitempty" bson:"command,omitempty"`
	Interval    Duration   `json:"interval,omitempty" bson:"interval,omitempty"`
	Timeout     Duration   `json:"timeout,omitempty" bson:"timeout,omitempty"`
	StartPeriod Duration   `json:"start_period,omitempty" bson:"start_period,omitempty"`
	Retries     int        `json:"retries,omitempty" bson:"retries,omitempty"`
}

// HTTPCheck is a GET of a port of the service's, or of a URL.
type HTTPCheck struct {
	Port   string `json:"port,omitempty" bson:"port,omitempty"`
	Path   string `json:"path,omitempty" bson:"path,omitempty"`
	Status int    `json:"status,omitempty" bson:"status,omitempty"`
	URL    string `json:"url,omitempty" bson:"url,omitempty"`
}

// TCPCheck is a connection to a port of the service's.
type TCPCheck struct {
	Port string `json:"port,omitempty" bson:"port,omitempty"`
}

// LeasedPort is where an instance listens.
type LeasedPort struct {
	Name    string `json:"name" bson:"name"`
	Address string `json:"address" bson:"address"`
	Port    int    `json:"port" bson:"port"`
}

// Deployment is one way of a release to being live, and its life after that.
type Deployment struct {
	// ID is that of the release's attempt for the first deployment of it, so that a step
	// that is joined again finds its own.
	ID      string          `json:"id" bson:"_id"`
	Service string          `json:"service" bson:"service"`
	Node    string          `json:"node" bson:"node"`
	Kind    DeploymentKind  `json:"kind" bson:"kind"`
	State   DeploymentState `json:"state" bson:"state"`
	// Message says why it is in that state.
	Message string  `json:"message,omitempty" bson:"message,omitempty"`
	Release Release `json:"release" bson:"release"`
	// Previous is the deployment that was live when this one began.
	Previous string       `json:"previous,omitempty" bson:"previous,omitempty"`
	Ports    []LeasedPort `json:"ports,omitempty" bson:"ports,omitempty"`
	// Activated is set before users could reach it.
	Activated bool `json:"activated,omitempty" bson:"activated,omitempty"`
	// Checked is set when it was found healthy.
	Checked bool `json:"checked,omitempty" bson:"checked,omitempty"`
	// Endpoint is where the service is found.
	Endpoint string `json:"endpoint,omitempty" bson:"endpoint,omitempty"`
	// Restarts counts how often it ended by itself since it was last well for long.
	Restarts int `json:"restarts,omitempty" bson:"restarts,omitempty"`
	// ReleaseRemoved says that it cannot be gone back to.
	ReleaseRemoved bool       `json:"release_removed,omitempty" bson:"release_removed,omitempty"`
	By             string     `json:"by,omitempty" bson:"by,omitempty"`
	CreatedAt      time.Time  `json:"created_at" bson:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at" bson:"updated_at"`
	LiveAt         *time.Time `json:"live_at,omitempty" bson:"live_at,omitempty"`
	EndedAt        *time.Time `json:"ended_at,omitempty" bson:"ended_at,omitempty"`
	Version        int64      `json:"version" bson:"version"`
}

// DeploymentKind is what a deployment was made for.
type DeploymentKind string

// The kinds of deployments.
const (
	// DeployRelease is the first of a new release.
	DeployRelease DeploymentKind = "release"
	// DeployRollback goes back to an older release.
	DeployRollback DeploymentKind = "rollback"
	// DeployStart starts what was stopped, or had failed.
	DeployStart DeploymentKind = "start"
)

// String is the port's address, for a connection from this node.
func (p LeasedPort) String() string {
	host := p.Address
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(p.Port))
}
