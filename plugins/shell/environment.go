package main

import (
	"os"
	"os/user"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// stepEnvironment is what the host let this process have (without what is meant
// for connectors), then the step's environment, its secrets, and what its config
// adds; the last one wins.
func stepEnvironment(r sdk.Request[config]) []string {
	merged := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "PATCHBAY_") && !strings.HasPrefix(name, "PLUGIN_") {
			merged[name] = value
		}
	}
	for _, layer := range []map[string]string{r.Step.Environment, r.Step.Secrets, r.Config.Environment} {
		for name, value := range layer {
			merged[name] = value
		}
	}
	merged[attemptEnv] = r.Step.AttemptID
	merged[sdk.OutputEnv] = sdk.OutputPath(r.Step.Workspace.AttemptPath)
	list := make([]string, 0, len(merged))
	for name, value := range merged {
		list = append(list, name+"="+value)
	}
	return list
}

func identity() string {
	if current, err := user.Current(); err == nil {
		return current.Username
	}
	return ""
}
