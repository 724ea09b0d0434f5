package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
)

// quickCall bounds every request that is not a watch, a log or a copy.
const quickCall = 30 * time.Second

// client has requests about Jobs and what belongs to them, in one namespace. The two
// groups of the API that it needs are all that it registers: the typed clients of
// client-go register some fifty at each start of the program. It is safe for
// concurrent use.
type client struct {
	*cluster.Cluster
	http  *http.Client
	core  rest.Interface
	batch rest.Interface
	codec runtime.ParameterCodec
}

// The resources, by their names in URLs.
const (
	jobs    = "jobs"
	pods    = "pods"
	secrets = "secrets"
	claims  = "persistentvolumeclaims"
	events  = "events"
)

// newClient asks the cluster nothing yet.
func newClient(c *cluster.Cluster) (*client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, batchv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, c.Explain("prepare a client", err)
		}
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	httpClient, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return nil, c.Explain("prepare a client", err)
	}
	made := &client{Cluster: c, http: httpClient, codec: runtime.NewParameterCodec(scheme)}
	for _, group := range []struct {
		version schema.GroupVersion
		path    string
		into    *rest.Interface
	}{{corev1.SchemeGroupVersion, "/api", &made.core}, {batchv1.SchemeGroupVersion, "/apis", &made.batch}} {
		config := rest.CopyConfig(c.Config)
		config.GroupVersion, config.APIPath = &group.version, group.path
		config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
		if *group.into, err = rest.RESTClientForConfigAndClient(config, httpClient); err != nil {
			return nil, c.Explain("prepare a client", err)
		}
	}
	return made, nil
}

// group returns the client of a resource's group.
func (c *client) group(resource string) rest.Interface {
	if resource == jobs {
		return c.batch
	}
	return c.core
}

func (c *client) get(ctx context.Context, resource, name string, into runtime.Object) error {
	return c.group(resource).Get().Namespace(c.Namespace).Resource(resource).Name(name).Timeout(quickCall).Do(ctx).Into(into)
}

// list returns those that a selector of labels fits, of the fields too.
func (c *client) list(ctx context.Context, resource string, options metav1.ListOptions, into runtime.Object) error {
	return c.group(resource).Get().Namespace(c.Namespace).Resource(resource).VersionedParams(&options, c.codec).
		Timeout(quickCall).Do(ctx).Into(into)
}

// listMeta lists names, labels and times only, of objects of any kind.
func (c *client) listMeta(ctx context.Context, resource, labels string, into *metav1.PartialObjectMetadataList) error {
	*into = metav1.PartialObjectMetadataList{}
	body, err := c.group(resource).Get().Namespace(c.Namespace).Resource(resource).Timeout(quickCall).
		VersionedParams(&metav1.ListOptions{LabelSelector: labels}, c.codec).
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func (c *client) create(ctx context.Context, resource string, object, into runtime.Object) error {
	return c.group(resource).Post().Namespace(c.Namespace).Resource(resource).Body(object).Timeout(quickCall).Do(ctx).Into(into)
}

// patch merges a piece of JSON into an object.
func (c *client) patch(ctx context.Context, resource, name, merge string, into runtime.Object) error {
	return c.group(resource).Patch(types.MergePatchType).Namespace(c.Namespace).Resource(resource).Name(name).
		Body([]byte(merge)).Timeout(quickCall).Do(ctx).Into(into)
}

func (c *client) remove(ctx context.Context, resource, name string, options *metav1.DeleteOptions) error {
	return c.group(resource).Delete().Namespace(c.Namespace).Resource(resource).Name(name).Body(options).
		Timeout(quickCall).Do(ctx).Error()
}

// detached is a context for requests that have to be made although the step's has
// ended.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 2*quickCall)
}
