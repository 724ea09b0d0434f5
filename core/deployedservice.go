package core

import (
	"context"
	"io"
	"time"
)

// ServiceState is how a service is.
type ServiceState string

// The service states.
const (
	// ServiceDeploying has never been live yet.
	ServiceDeploying ServiceState = "deploying"
	ServiceLive      ServiceState = "live"
	// ServiceFailed has nothing live: its first deployment failed, or what was live died
	// too often.
	ServiceFailed  ServiceState = "failed"
	ServiceStopped ServiceState = "stopped"
)

// ServiceHealth is what the last check of a live service found.
type ServiceHealth string

// The healths.
const (
	HealthUnknown   ServiceHealth = "unknown"
	HealthHealthy   ServiceHealth = "healthy"
	HealthUnhealthy ServiceHealth = "unhealthy"
	// HealthRestarting: its instance ended, and is to be started again.
	HealthRestarting ServiceHealth = "restarting"
	// HealthStale: nothing was heard of its node for long; all else may be out of date.
	// It is never stored.
	HealthStale ServiceHealth = "stale"
)

// Service is an entry of the registry: what is deployed under a name. It is also what a
// deployment holds while it is at work, so that there is one at a time.
type Service struct {
	Name string `json:"name" bson:"_id"`
	// Node is where it runs; deployments come from there only, as long as it is live.
	Node  string       `json:"node" bson:"node"`
	State ServiceState `json:"state" bson:"state"`
	// Live is the deployment that serves, Deploying the one at work, Last the one that
	// was live last.
	Live      string `json:"live,omitempty" bson:"live,omitempty"`
	Deploying string `json:"deploying,omitempty" bson:"deploying,omitempty"`
	Last      string `json:"last,omitempty" bson:"last,omitempty"`
	// Stopping is set before the live one is stopped for good, to what it is to be then.
	Stopping      DeploymentState `json:"stopping,omitempty" bson:"stopping,omitempty"`
	Health        ServiceHealth   `json:"health" bson:"health"`
	HealthMessage string          `json:"health_message,omitempty" bson:"health_message,omitempty"`
	CreatedAt     time.Time       `json:"created_at" bson:"created_at"`
	ChangedAt     time.Time       `json:"changed_at" bson:"changed_at"`
	Version       int64           `json:"version" bson:"version"`
}

// ServiceNode is a server that looks after services.
type ServiceNode struct {
	ID string `json:"id" bson:"_id"`
	// Owner is the process; a later one of the same name takes the node over.
	Owner       string    `json:"owner" bson:"owner"`
	HeartbeatAt time.Time `json:"heartbeat_at" bson:"heartbeat_at"`
	Version     int64     `json:"version" bson:"version"`
}

// PortLease is a port that a service has on a node, and nobody else.
type PortLease struct {
	// ID is made of node and port, so that there is one lease of a port.
	ID      string `json:"id" bson:"_id"`
	Node    string `json:"node" bson:"node"`
	Port    int    `json:"port" bson:"port"`
	Service string `json:"service" bson:"service"`
	// Deployment asked for it; a fixed port passes on to the next of the service.
	Deployment string `json:"deployment" bson:"deployment"`
	// Name is the release's for the port.
	Name      string    `json:"name" bson:"name"`
	Fixed     bool      `json:"fixed,omitempty" bson:"fixed,omitempty"`
	CreatedAt time.Time `json:"created_at" bson:"created_at"`
}

// DeploymentFilter narrows a list of deployments; zero fields do not.
type DeploymentFilter struct {
	Service, Node string
	States        []DeploymentState
	Page          Page
}

// DeploymentStore keeps services, their deployments, their ports and the nodes. It is safe
// for concurrent use. What it writes is on disk when it returns. Creating what is there is
// Conflict; an update is taken if the stored version is still that of the argument, whose
// version it increments, and Conflict otherwise; lookups that find nothing are NotFound.
type DeploymentStore interface {
	CreateDeployment(ctx context.Context, d *Deployment) error
	UpdateDeployment(ctx context.Context, d *Deployment) error
	Deployment(ctx context.Context, id string) (*Deployment, error)
	// Deployments returns a page, newest first (by ID descending).
	Deployments(ctx context.Context, filter DeploymentFilter) ([]*Deployment, error)
	// DeleteDeployment removes one, if it is there.
	DeleteDeployment(ctx context.Context, id string) error

	CreateService(ctx context.Context, s *Service) error
	UpdateService(ctx context.Context, s *Service) error
	Service(ctx context.Context, name string) (*Service, error)
	// Services lists all, by name.
	Services(ctx context.Context) ([]*Service, error)

	CreatePortLease(ctx context.Context, l *PortLease) error
	// DeletePortLease removes a lease if the service still has it.
	DeletePortLease(ctx context.Context, id, service string) error
	PortLease(ctx context.Context, id string) (*PortLease, error)
	// PortLeases lists those of a node, or of all for "", by ID.
	PortLeases(ctx context.Context, node string) ([]*PortLease, error)

	CreateServiceNode(ctx context.Context, n *ServiceNode) error
	UpdateServiceNode(ctx context.Context, n *ServiceNode) error
	ServiceNode(ctx context.Context, id string) (*ServiceNode, error)
	// ServiceNodes lists all, by ID.
	ServiceNodes(ctx context.Context) ([]*ServiceNode, error)
}

// ServiceView is a service with what there is to know of it.
type ServiceView struct {
	Service Service
	// Deployment is the live one, or the one that was live last; nil when there was none.
	Deployment *Deployment
	// Health is HealthStale when the node is not heard of.
	Health      ServiceHealth
	HeartbeatAt *time.Time
}

// InstanceLogsQuery asks for what a service has printed.
type InstanceLogsQuery struct {
	// Deployment is empty for the live one, or the last.
	Deployment string
	// Tail is how many lines of what is there; 0 is all that is kept.
	Tail   int
	Follow bool
}

// ServiceKeeper is what the API needs of services. It is safe for concurrent use. A name
// that is not there is NotFound.
type ServiceKeeper interface {
	Services(ctx context.Context) ([]*ServiceView, error)
	Service(ctx context.Context, name string) (*ServiceView, error)
	// History returns a page of the service's deployments, newest first.
	History(ctx context.Context, name string, page Page) ([]*Deployment, error)
	// Rollback begins a deployment of an older release: that of the deployment named, or
	// the last other one that was live. It does not wait for it. A release that is not
	// kept any longer, or a service that is at work, is Conflict.
	Rollback(ctx context.Context, name, to, by string) (*Deployment, error)
	// StopService stops the live instance and returns when it is stopped. A service that
	// is not live is left as it is.
	StopService(ctx context.Context, name, by string) (*ServiceView, error)
	// StartService begins a deployment of what was live last. It does not wait for it.
	StartService(ctx context.Context, name, by string) (*Deployment, error)
	// Logs writes what an instance printed, without the values of its secrets.
	Logs(ctx context.Context, name string, query InstanceLogsQuery, out io.Writer) error
	// Ports lists the leases of all nodes.
	Ports(ctx context.Context) ([]*PortLease, error)
}
