package deploy

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// account makes a service account with a rule, and returns a kubeconfig for it with
// two contexts: its own, and one whose cluster is not there.
func (b *bench) account(name, rule string) string {
	b.t.Helper()
	manifest := fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %[1]s}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: %[1]s}\nrules: [%[3]s]\n"+
		"---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: %[1]s}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %[1]s}\nsubjects: [{kind: ServiceAccount, name: %[1]s, namespace: %[2]s}]\n", name, b.namespace, rule)
	b.succeeds("apply", map[string]any{"manifest": manifest})
	token, err := b.cluster.typed.CoreV1().ServiceAccounts(b.namespace).CreateToken(b.t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	config := b.cluster.Config
	ca := config.CAData
	if config.CAFile != "" {
		if ca, err = os.ReadFile(filepath.Clean(config.CAFile)); err != nil {
			b.t.Fatal(err)
		}
	}
	trust := "certificate-authority-data: " + base64.StdEncoding.EncodeToString(ca)
	if config.Insecure {
		trust = "insecure-skip-tls-verify: true"
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- {name: here, cluster: {server: %q, %s}}
- {name: nowhere, cluster: {server: "https://127.0.0.1:1"}}
users: [{name: it, user: {token: %s}}]
contexts:
- {name: own, context: {cluster: here, user: it}}
- {name: away, context: {cluster: nowhere, user: it}}
current-context: own
`, config.Host, trust, token.Status.Token)
}

// as runs a step with a kubeconfig from a secret.
func (b *bench) as(kubeconfig, action string, config map[string]any) outcome {
	b.t.Helper()
	config["kubeconfig"] = "DEPLOY_KUBECONFIG"
	r := b.request(action, config)
	r.Step.Secrets = map[string]string{"DEPLOY_KUBECONFIG": kubeconfig}
	_, _, ended := b.start(b.client, r)
	return <-ended
}

func TestMissingRights(t *testing.T) {
	b := newBench(t)
	reader := b.account("reader", `{apiGroups: [""], resources: [configmaps], verbs: [get, create, patch]}`)
	manifest := configMap("allowed", "1") + "---\n" + b.deployment("web", "sleep 1000")
	who := "the service account reader of namespace " + b.namespace

	end := b.as(reader, "validate", map[string]any{"manifest": manifest})
	contains(t, end.text(), "2 objects read: 1 ConfigMap, 1 Deployment", who+" may not create deployments.apps in namespace "+b.namespace,
		who+" may not patch deployments.apps", "kind: RoleBinding", `resources: ["deployments"], verbs: [create, get, patch]`)
	if strings.Contains(end.text(), "may not create configmaps") || end.result.Outcome != sdk.OutcomeFailed {
		t.Errorf("got %+v, %v: %s", end.result, end.err, end.text())
	}

	end = b.as(reader, "apply", map[string]any{"manifest": manifest})
	contains(t, end.text(), who+" may not get deployments.apps in namespace "+b.namespace)
	if sdk.ClassOf(end.err) != sdk.ClassAuthentication || b.value("allowed") != "none" {
		t.Errorf("got %+v, %v; allowed is %s", end.result, end.err, b.value("allowed"))
	}
	end = b.as(reader, "apply", map[string]any{"manifest": configMap("allowed", "1"), "context": "own"})
	if end.err != nil || b.value("allowed") != "1" {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	end = b.as(reader, "apply", map[string]any{"manifest": configMap("allowed", "1"), "context": "away"})
	contains(t, end.text(), "the cluster away at https://127.0.0.1:1 does not answer")
	if sdk.ClassOf(end.err) != sdk.ClassExternalService {
		t.Errorf("got %v", end.err)
	}
	end = b.as(strings.Replace(reader, "token: ", "token: x", 1), "apply", map[string]any{"manifest": configMap("allowed", "1")})
	if sdk.ClassOf(end.err) != sdk.ClassAuthentication {
		t.Errorf("got %v", end.err)
	}
}

// TestSuggestedRole applies what validate suggests, which then is enough.
func TestSuggestedRole(t *testing.T) {
	b := newBench(t)
	poor := b.account("poor", `{apiGroups: [""], resources: [pods], verbs: [get]}`)
	config := map[string]any{"manifest": configMap("mine", "1"), "release": "shop", "prune": true, "on_failure": "rollback"}
	end := b.as(poor, "validate", config)
	_, suggested, found := strings.Cut(end.said.text(), "gives these rights with:\n\n")
	suggested, _, _ = strings.Cut(suggested, "\nerror:")
	suggested, _, _ = strings.Cut(suggested, "\ntrial:")
	if !found {
		t.Fatalf("nothing is suggested: %s", end.text())
	}
	b.succeeds("apply", map[string]any{"manifest": suggested})
	for _, action := range []string{"validate", "apply"} {
		if end := b.as(poor, action, config); end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
			t.Errorf("%s with the suggested role: %+v, %v: %s", action, end.result, end.err, end.text())
		}
	}
	if b.value("mine") != "1" {
		t.Error("it was not applied")
	}
}

func TestValidate(t *testing.T) {
	b := newBench(t)
	b.chart("shop")
	contains(t, b.succeeds("validate", map[string]any{"manifest": b.deployment("web", "true")}), "may do all of it", "the cluster accepts all")
	contains(t, b.succeeds("validate", map[string]any{"helm_chart": "shop"}), "3 objects read: 2 ConfigMap, 1 Deployment")
	end := b.run("validate", map[string]any{"manifest": strings.Replace(b.deployment("web", "true"), "containers:", "contaners:", 1)})
	if end.result.Outcome != sdk.OutcomeFailed {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	contains(t, end.text(), "contaners")
	if list, err := b.cluster.typed.AppsV1().Deployments(b.namespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
		t.Errorf("validating made something: %v, %v", list, err)
	}
}

func TestIdentity(t *testing.T) {
	b := newBench(t)
	at, err := cluster.OpenText([]byte(b.account("somebody", `{apiGroups: [""], resources: [pods], verbs: [get]}`)), cluster.Access{})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := Identity(t.Context(), at); err != nil || who != "system:serviceaccount:"+b.namespace+":somebody" {
		t.Errorf("got %q, %v", who, err)
	}
}
