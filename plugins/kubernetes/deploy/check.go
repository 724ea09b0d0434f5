package deploy

import (
	"context"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Check says which cluster the connector's own settings lead to, which version it has,
// and as whom it knows the connector. Trouble is an answer, not an error.
func Check(ctx context.Context) sdk.CheckResult {
	c, err := open(sdk.Step{}, cluster.Access{})
	if err != nil {
		return sdk.CheckResult{Message: err.Error()}
	}
	answer := sdk.CheckResult{Details: map[string]string{"server": c.Config.Host, "context": c.Context, "namespace": c.Namespace}}
	version, err := c.discovery.ServerVersion()
	if err != nil {
		answer.Message = c.explain("ask for the version", err).Error()
		return answer
	}
	answer.Details["version"] = version.GitVersion
	who, err := c.identity(ctx)
	if err != nil {
		answer.Message = c.explain("ask as whom", err).Error()
		return answer
	}
	answer.OK, answer.Identity = true, who
	answer.Message = "Kubernetes " + version.GitVersion + " at " + c.Config.Host
	return answer
}
