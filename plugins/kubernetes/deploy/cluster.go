package deploy

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// requestTimeout bounds one request. None of this package's follows a log or a watch.
const requestTimeout = 30 * time.Second

// Access is how to get at a cluster: what the connector makes of a kubeconfig, or of
// the pod that it runs in.
type Access struct {
	// Name is what people call it: the context of the kubeconfig.
	Name string
	// Config is used with limits of this package's own.
	Config *rest.Config
	// Namespace is taken for objects that name none.
	Namespace string
}

// cluster is one step's connection. What it has discovered is kept for the step.
type cluster struct {
	Access
	dynamic   dynamic.Interface
	typed     kubernetes.Interface
	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

func connect(access Access) (*cluster, error) {
	config := rest.CopyConfig(access.Config)
	config.QPS, config.Burst = 100, 200 // the server has limits of its own, which are fair
	config.Timeout = requestTimeout
	config.WarningHandler = rest.NoWarnings{}
	if access.Namespace == "" {
		access.Namespace = metav1.NamespaceDefault
	}
	access.Config = config
	c := &cluster{Access: access}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, client); err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if c.typed, err = kubernetes.NewForConfigAndClient(config, client); err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	found, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	c.discovery = memory.NewMemCacheClient(found)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	return c, nil
}

// mapping finds the resource of a kind. It is asked for again when it is not known.
func (c *cluster) mapping(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	return c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
}

// resource is the client for objects of a mapping; namespace is empty for those that
// are in none.
func (c *cluster) resource(mapping *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource).Namespace(namespace)
	}
	return c.dynamic.Resource(mapping.Resource)
}

// identity says as whom the cluster knows this connection. Servers before Kubernetes
// 1.28 do not say; then it is empty.
func (c *cluster) identity(ctx context.Context) (string, error) {
	review, err := c.typed.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return review.Status.UserInfo.Username, nil
}
