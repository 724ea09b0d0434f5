package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/patchbay-ci/patchbay/sdk"
)

// selfContained refuses a kubeconfig that would run programs or read files of the
// machine it is used on.
func selfContained(config *api.Config) error {
	for name, user := range config.AuthInfos {
		switch {
		case user.Exec != nil, user.AuthProvider != nil:
			return unusable("/kubeconfig", fmt.Sprintf("the user %q of the kubeconfig gets its credentials from a program", name),
				"use a token or a client certificate, such as those of a service account")
		case user.ClientCertificate != "" || user.ClientKey != "" || user.TokenFile != "":
			return notFlat(fmt.Sprintf("the user %q", name))
		}
	}
	for name, cluster := range config.Clusters {
		if cluster.CertificateAuthority != "" {
			return notFlat(fmt.Sprintf("the cluster %q", name))
		}
	}
	return nil
}

func notFlat(what string) error {
	return unusable("/kubeconfig", what+" of the kubeconfig names a file", "store what kubectl config view --raw --flatten prints: it holds the files themselves")
}

func noContext(raw api.Config, wanted string) error {
	suggestion := "the kubeconfig has none; name its file in KUBECONFIG for the server"
	if names := slices.Sorted(maps.Keys(raw.Contexts)); len(names) > 0 {
		suggestion = "there are: " + strings.Join(names, ", ")
	}
	return unusable("/context", fmt.Sprintf("there is no context %q in the kubeconfig", wanted), suggestion)
}

// explainLoad is about a kubeconfig that cannot be used: the server's, unless the step
// brought one.
func explainLoad(err error, access Access) error {
	if access.Kubeconfig != "" {
		return unusable("/kubeconfig", "the kubeconfig cannot be used: "+err.Error(), "")
	}
	problem := &sdk.Error{Class: sdk.ClassExternalService, Err: err, Message: "the server's kubeconfig cannot be used: " + err.Error()}
	if clientcmd.IsEmptyConfig(err) {
		problem.Message = "no Kubernetes cluster is known"
		problem.Suggestion = "set KUBECONFIG for the server, or name a secret that holds a kubeconfig in kubeconfig:"
	}
	return problem
}

func unusable(pointer, message, suggestion string) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: pointer, Message: message, Suggestion: suggestion}
}
