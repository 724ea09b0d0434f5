package main

import (
	"context"
	"encoding/json"

	apiversion "k8s.io/apimachinery/pkg/version"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/plugins/kubernetes/deploy"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Check implements sdk.Checker: does a cluster answer, where, and which?
func (c *connector) Check(ctx context.Context, _ sdk.CheckRequest) (sdk.CheckResult, error) {
	found, err := cluster.Open(cluster.Access{}, nil)
	if err != nil {
		return notUsable(err), nil
	}
	client, err := newClient(found)
	if err != nil {
		return notUsable(err), nil
	}
	body, err := client.core.Get().AbsPath("/version").Timeout(quickCall).DoRaw(ctx)
	if err != nil {
		return notUsable(found.Explain("ask the cluster for its version", err)), nil
	}
	var server apiversion.Info
	if err := json.Unmarshal(body, &server); err != nil {
		return sdk.CheckResult{Message: "what answers at " + found.Config.Host + " is not a Kubernetes cluster"}, nil
	}
	identity, err := deploy.Identity(ctx, found)
	if err != nil {
		return notUsable(err), nil
	}
	return sdk.CheckResult{OK: true, Message: "Kubernetes " + server.GitVersion + " at " + found.Config.Host, Identity: identity,
		Details: map[string]string{"server": found.Config.Host, "version": server.GitVersion, "platform": server.Platform, "context": found.Context,
			"namespace": found.Namespace}}, nil
}

// notUsable is the answer of a check that failed, with what to do about it.
func notUsable(err error) sdk.CheckResult {
	result := sdk.CheckResult{Message: err.Error()}
	if e, ok := err.(*sdk.Error); ok && e.Suggestion != "" {
		result.Message += "; " + e.Suggestion
	}
	return result
}
