package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// config is a kubeconfig with two contexts; user is what it knows of its user.
func config(user, authority string) string {
	return `apiVersion: v1
kind: Config
clusters:
- {name: one, cluster: {server: "https://one.example.com:6443"` + authority + `}}
- {name: two, cluster: {server: "https://two.example.com:6443"}}
users:
- {name: ann, user: {` + user + `}}
contexts:
- {name: first, context: {cluster: one, user: ann, namespace: builds}}
- {name: second, context: {cluster: two, user: ann}}
current-context: first
`
}

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(config("token: t", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
	for name, test := range map[string]struct {
		access                   cluster.Access
		host, namespace, context string
	}{
		"current":         {cluster.Access{}, "https://one.example.com:6443", "builds", "first"},
		"other context":   {cluster.Access{Context: "second"}, "https://two.example.com:6443", "default", "second"},
		"other namespace": {cluster.Access{Namespace: "mine"}, "https://one.example.com:6443", "mine", "first"},
		"of the step":     {cluster.Access{Kubeconfig: "K", Context: "second"}, "https://two.example.com:6443", "default", "second"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := cluster.Open(test.access, map[string]string{"K": config("token: other", "")})
			if err != nil {
				t.Fatal(err)
			}
			if found.Config.Host != test.host || found.Namespace != test.namespace || found.Context != test.context {
				t.Errorf("it is %s, %s, %s", found.Config.Host, found.Namespace, found.Context)
			}
			if want := map[bool]string{true: "other", false: "t"}[test.access.Kubeconfig != ""]; found.Config.BearerToken != want {
				t.Errorf("the token is %q", found.Config.BearerToken)
			}
		})
	}
}

// TestRefused has kubeconfigs that would use the server's own files and programs.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"program":      config(`exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, interactiveMode: Never}`, ""),
		"provider":     config(`auth-provider: {name: gcp}`, ""),
		"token file":   config(`tokenFile: /etc/passwd`, ""),
		"certificate":  config(`client-certificate: /etc/passwd, client-key: /etc/passwd`, ""),
		"authority":    config(`token: t`, `, certificate-authority: /etc/passwd`),
		"not one":      "s3cret: [",
		"empty":        "",
		"no cluster":   "apiVersion: v1\nkind: Config\n",
		"no such user": "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: x, user: y}}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := cluster.Open(cluster.Access{Kubeconfig: "K"}, map[string]string{"K": text})
			if sdk.ClassOf(err) != sdk.ClassInvalidConfig {
				t.Fatalf("the error is %v", err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
}
