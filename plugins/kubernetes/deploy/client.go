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

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
)

// requestTimeout bounds one request. None of this package's follows a log or a watch.
const requestTimeout = 30 * time.Second

// client is one step's connection. What it has discovered is kept for the step.
type client struct {
	*cluster.Cluster
	dynamic   dynamic.Interface
	typed     kubernetes.Interface
	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

func connect(at *cluster.Cluster) (*client, error) {
	config := rest.CopyConfig(at.Config)
	config.Timeout = requestTimeout
	c := &client{Cluster: at}
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, transport); err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if c.typed, err = kubernetes.NewForConfigAndClient(config, transport); err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	found, err := discovery.NewDiscoveryClientForConfigAndClient(config, transport)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	c.discovery = memory.NewMemCacheClient(found)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	return c, nil
}

// mapping finds the resource of a kind. It is asked for again when it is not known.
func (c *client) mapping(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	return c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
}

// resource is the client for objects of a mapping; namespace is empty for those that
// are in none.
func (c *client) resource(mapping *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource).Namespace(namespace)
	}
	return c.dynamic.Resource(mapping.Resource)
}

// identity says as whom the cluster knows this connection. Servers before Kubernetes
// 1.28 do not say; then it is empty.
func (c *client) identity(ctx context.Context) (string, error) {
	review, err := c.typed.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return review.Status.UserInfo.Username, nil
}

// label is what people call the cluster.
func (c *client) label() string {
	if c.Context != "" {
		return "the cluster " + c.Context
	}
	return "the cluster"
}
