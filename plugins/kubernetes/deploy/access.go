package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many requests are under way together.
const atOnce = 8

// right is leave to do something with a kind of objects.
type right struct {
	verb, group, resource string
	namespace             string // empty for objects in none, and for all namespaces
}

// String is how kubectl writes it: "create deployments.apps in namespace web".
func (r right) String() string {
	text := r.verb + " " + r.resource
	if r.group != "" {
		text += "." + r.group
	}
	if r.namespace != "" {
		text += " in namespace " + r.namespace
	}
	return text
}

// missing says who may not.
func (r right) missing(who string) string {
	return fmt.Sprintf("%s may not %s", person(who), r)
}

// suggestion says which rule lets them.
func (r right) suggestion(who string) string {
	kind, place := "Role", " in namespace "+r.namespace
	if r.namespace == "" {
		kind, place = "ClusterRole", ""
	}
	return fmt.Sprintf("add a %s%s with the rule {apiGroups: [%q], resources: [%q], verbs: [%q]} and bind it to %s",
		kind, place, r.group, r.resource, r.verb, person(who))
}

// person is how people call a user of the cluster.
func person(user string) string {
	if user == "" {
		return "this identity"
	}
	if namespace, name, ok := serviceAccount(user); ok {
		return fmt.Sprintf("the service account %s of namespace %s", name, namespace)
	}
	return fmt.Sprintf("the user %q", user)
}

// needs are the rights without which the objects could not be applied.
func needs(targets []*target, verbs ...string) []right {
	var all []right
	for _, t := range targets {
		if t.mapping == nil {
			continue
		}
		all = append(all, rightsFor(t.mapping, t.object.GetNamespace(), verbs...)...)
	}
	slices.SortFunc(all, compareRights)
	return slices.Compact(all)
}

func compareRights(a, b right) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.group, b.group),
		cmp.Compare(a.resource, b.resource), cmp.Compare(a.verb, b.verb))
}

func rightsFor(mapping *meta.RESTMapping, namespace string, verbs ...string) []right {
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		namespace = ""
	}
	rights := make([]right, len(verbs))
	for i, verb := range verbs {
		rights[i] = right{verb: verb, group: mapping.Resource.Group, resource: mapping.Resource.Resource, namespace: namespace}
	}
	return rights
}

// lacking asks the cluster which of the rights this identity has not.
func (c *client) lacking(ctx context.Context, rights []right) ([]right, error) {
	allowed := make([]bool, len(rights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, r := range rights {
		group.Go(func() error {
			resource, subresource, _ := strings.Cut(r.resource, "/")
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: r.namespace, Verb: r.verb, Group: r.group, Resource: resource, Subresource: subresource}}}
			answer, err := c.typed.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return c.explain("ask what this identity may do", err)
			}
			allowed[i] = answer.Status.Allowed
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var lacking []right
	for i, r := range rights {
		if !allowed[i] {
			lacking = append(lacking, r)
		}
	}
	return lacking, nil
}

// roles writes the RBAC objects that give the rights: what an administrator can read
// and apply.
func roles(who string, rights []right) string {
	var text strings.Builder
	for _, namespace := range namespacesOf(rights) {
		kind, metadata := "ClusterRole", "{name: patchbay-deploy}"
		if namespace != "" {
			kind, metadata = "Role", fmt.Sprintf("{name: patchbay-deploy, namespace: %s}", namespace)
		}
		fmt.Fprintf(&text, "apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: %s\nrules:\n", kind, metadata)
		for _, rule := range rules(rights, namespace) {
			fmt.Fprintf(&text, "- {apiGroups: [%q], resources: [%q], verbs: [%s]}\n", rule.group, rule.resource, rule.verb)
		}
		fmt.Fprintf(&text, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %sBinding\nmetadata: %s\n", kind, metadata)
		fmt.Fprintf(&text, "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: patchbay-deploy}\nsubjects:\n- %s\n---\n", kind, subject(who))
	}
	return strings.TrimSuffix(text.String(), "---\n")
}

func namespacesOf(rights []right) []string {
	var all []string
	for _, r := range rights {
		if !slices.Contains(all, r.namespace) {
			all = append(all, r.namespace)
		}
	}
	return all
}

// rules joins the verbs of each resource.
func rules(rights []right, namespace string) []right {
	var joined []right
	for _, r := range rights {
		if r.namespace != namespace {
			continue
		}
		last := len(joined) - 1
		if last >= 0 && joined[last].group == r.group && joined[last].resource == r.resource {
			joined[last].verb += ", " + r.verb
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

func subject(who string) string {
	if namespace, name, ok := serviceAccount(who); ok {
		return fmt.Sprintf("{kind: ServiceAccount, name: %s, namespace: %s}", name, namespace)
	}
	return fmt.Sprintf("{kind: User, name: %q, apiGroup: rbac.authorization.k8s.io}", who)
}

// serviceAccount reads the name that the cluster gives a service account as a user.
func serviceAccount(user string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(user, "system:serviceaccount:")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}
