package pluginhost

import (
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/sdk"
)

// allowedVariables is what a connector sees of the host's environment: where
// things are and how to reach them. Nothing in it is a secret; those are handed
// to the steps that name them.
var allowedVariables = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_API_VERSION",
	"PATCHBAY_DOCKER_*",                                                               // what an operator lets containers do: see plugins/docker/README.md
	"PATCHBAY_DEPLOY_ROOTS", "PATCHBAY_DEPLOY_MAX_FILES", "PATCHBAY_DEPLOY_MAX_BYTES", // see plugins/deploy/README.md
	"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "PATCHBAY_KUBERNETES_*",
	"GITHUB_API_URL", "GITLAB_API_URL",
}

// neverAllowed are the host's own secrets, which no setting passes on.
var neverAllowed = []string{"PATCHBAY_ADMIN_TOKEN", "PATCHBAY_TOKEN", "PATCHBAY_KEYSET_KEY"}

// secretEndings are names that a pattern does not match: they have to be spelt out.
var secretEndings = []string{"TOKEN", "SECRET", "PASSWORD", "KEY"}

// connectorEnvironment chooses from environ what connectors get, and adds the log
// level.
func connectorEnvironment(environ, extra []string, level hclog.Level) []string {
	allowed := slices.Concat(allowedVariables, extra)
	chosen := []string{sdk.LogLevelEnv + "=" + level.String()}
	for _, pair := range environ {
		name, _, found := strings.Cut(pair, "=")
		if found && name != "" && name != sdk.LogLevelEnv && mayPass(name, allowed) {
			chosen = append(chosen, pair)
		}
	}
	return chosen
}

func mayPass(name string, allowed []string) bool {
	if slices.Contains(neverAllowed, name) {
		return false
	}
	return slices.ContainsFunc(allowed, func(pattern string) bool {
		prefix, isPattern := strings.CutSuffix(pattern, "*")
		if !isPattern {
			return name == pattern
		}
		return strings.HasPrefix(name, prefix) && !slices.ContainsFunc(secretEndings, func(ending string) bool {
			return strings.HasSuffix(name, ending)
		})
	})
}
