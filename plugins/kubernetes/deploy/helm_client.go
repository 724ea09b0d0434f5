package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// helmConfiguration is what Helm's actions work with: this client's cluster, releases
// kept as Secrets in its namespace as Helm always does, and a wait of ours.
func (c *client) helmConfiguration(wait func(ctx context.Context, targets []*target) error) (*action.Configuration, *watchedClient, error) {
	configuration := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := configuration.Init(restGetter{c}, c.Namespace, "secret"); err != nil {
		return nil, nil, fmt.Errorf("connect Helm to the cluster: %w", err)
	}
	watched := &watchedClient{Client: configuration.KubeClient.(*kube.Client), wait: wait}
	watched.Client.Namespace = c.Namespace
	configuration.KubeClient = watched
	return configuration, watched, nil
}

// restGetter hands a client's parts to Helm.
type restGetter struct{ *client }

// ToRESTConfig implements genericclioptions.RESTClientGetter, as do all below.
func (g restGetter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.Config), nil }

func (g restGetter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.discovery, nil
}

func (g restGetter) ToRESTMapper() (meta.RESTMapper, error) { return g.mapper, nil }

func (g restGetter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(*api.NewConfig(), &clientcmd.ConfigOverrides{Context: api.Context{Namespace: g.Namespace}})
}

// watchedClient is Helm's client, but for the wait for what a chart brings up: this
// package's says why something does not get ready, and stops when the step does.
type watchedClient struct {
	*kube.Client
	wait func(ctx context.Context, targets []*target) error
	// why is what the last wait failed by; Helm keeps no more than its words.
	why error
}

// GetWaiter implements kube.Interface.
func (w *watchedClient) GetWaiter(strategy kube.WaitStrategy) (kube.Waiter, error) {
	return w.GetWaiterWithOptions(strategy)
}

// GetWaiterWithOptions implements kube.InterfaceWaitOptions.
func (w *watchedClient) GetWaiterWithOptions(strategy kube.WaitStrategy, options ...kube.WaitOption) (kube.Waiter, error) {
	waiter, err := w.Client.GetWaiterWithOptions(strategy, options...)
	if err != nil || strategy == kube.HookOnlyStrategy {
		return waiter, err
	}
	return &watchedWaiter{Waiter: waiter, client: w}, nil
}

// watchedWaiter waits for hooks and deletions as Helm does, and for all else in the
// client's way.
type watchedWaiter struct {
	kube.Waiter
	client *watchedClient
}

// Wait implements kube.Waiter.
func (w *watchedWaiter) Wait(resources kube.ResourceList, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	targets := make([]*target, 0, len(resources))
	for _, info := range resources {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(info.Object)
		if err != nil {
			return fmt.Errorf("read %s: %w", info.Name, err)
		}
		object := &unstructured.Unstructured{Object: fields}
		object.SetGroupVersionKind(info.Mapping.GroupVersionKind)
		object.SetNamespace(info.Namespace)
		targets = append(targets, &target{document: document{object: object}, mapping: info.Mapping})
	}
	w.client.why = w.client.wait(ctx, targets)
	return w.client.why
}

// WaitWithJobs implements kube.Waiter.
func (w *watchedWaiter) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return w.Wait(resources, timeout)
}
