// Package cluster finds the Kubernetes cluster that a step means, with the
// credentials for it, and says in plain words what is wrong when it cannot be used.
package cluster

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Access is what a step's config says about the cluster; embed it in a config.
type Access struct {
	Namespace  string `json:"namespace,omitempty" jsonschema_description:"Without it: the one of the kubeconfig's context, or the server's own in a cluster, or default"`
	Context    string `json:"context,omitempty" jsonschema_description:"A context of the kubeconfig, for one of several clusters. Without it: the kubeconfig's current one"`
	Kubeconfig string `json:"kubeconfig,omitempty" jsonschema_description:"The name of a secret of the step whose value is a kubeconfig. Without it: the server's own (KUBECONFIG, ~/.kube/config, or the service account in a cluster)"`
}

// Cluster is a cluster with an identity in it. Making one asks nobody anything:
// whether it answers shows at the first request.
type Cluster struct {
	// Config is for clients of client-go. It is the caller's to change.
	Config *rest.Config
	// Namespace is the one that the step means; never empty.
	Namespace string
	// Context is the name of the kubeconfig's context; empty inside a cluster.
	Context string
}

// agent is how requests of the connector are known in a cluster's audit log.
const agent = "patchbay-connector-kubernetes"

// Open returns the cluster that access means; secrets are those of the step. The
// error is an *sdk.Error.
func Open(access Access, secrets map[string]string) (*Cluster, error) {
	if access.Kubeconfig == "" {
		return open(clientcmd.NewDefaultClientConfigLoadingRules(), access)
	}
	text, given := secrets[access.Kubeconfig]
	if !given {
		return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/kubeconfig",
			Message:    fmt.Sprintf("kubeconfig names the secret %s, which the step does not have", access.Kubeconfig),
			Suggestion: "add " + access.Kubeconfig + " to the step's secrets:, and store it in the server"}
	}
	return OpenText([]byte(text), access)
}

// OpenText returns the cluster of a kubeconfig that came with a step. Whoever writes
// a pipeline may not run programs in the server's place or have its files read and
// sent away, so such a kubeconfig must hold all that it needs.
func OpenText(text []byte, access Access) (*Cluster, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		// The message of the parser would quote the text.
		return nil, unusable("/kubeconfig", "the secret's value is not a kubeconfig", "store the whole file, as kubectl config view --raw --flatten prints it")
	}
	if err := selfContained(config); err != nil {
		return nil, err
	}
	return open(&fixed{config: config}, access)
}

// open takes the context from what was loaded.
func open(loader clientcmd.ClientConfigLoader, access Access) (*Cluster, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: access.Context}
	overrides.Context.Namespace = access.Namespace
	client := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loader, overrides)
	raw, err := client.RawConfig()
	if err != nil {
		return nil, explainLoad(err, access)
	}
	name := access.Context
	if name == "" {
		name = raw.CurrentContext
	}
	if access.Context != "" && raw.Contexts[access.Context] == nil {
		return nil, noContext(raw, access.Context)
	}
	config, err := client.ClientConfig()
	if err != nil {
		return nil, explainLoad(err, access)
	}
	namespace, _, err := client.Namespace()
	if err != nil {
		return nil, explainLoad(err, access)
	}
	config.UserAgent = agent
	config.QPS = -1 // the server of the API knows best what it can bear
	config.WarningHandler = rest.NoWarnings{}
	return &Cluster{Config: config, Namespace: namespace, Context: name}, nil
}

// fixed is a loader of what is loaded already.
type fixed struct{ config *api.Config }

func (f *fixed) Load() (*api.Config, error)              { return f.config, nil }
func (f *fixed) IsDefaultConfig(*rest.Config) bool       { return false }
func (f *fixed) GetLoadingPrecedence() []string          { return nil }
func (f *fixed) GetStartingConfig() (*api.Config, error) { return f.config, nil }
func (f *fixed) GetDefaultFilename() string              { return "" }
func (f *fixed) IsExplicitFile() bool                    { return false }
func (f *fixed) GetExplicitFile() string                 { return "" }
func (f *fixed) ConfigAccess() clientcmd.ConfigAccess    { return f }
