package main

import (
	"context"
	"fmt"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Check implements sdk.Checker: does an Engine answer, where, and which?
func (c *connector) Check(ctx context.Context, _ sdk.CheckRequest) (sdk.CheckResult, error) {
	if err := c.engine.usable(); err != nil {
		return notUsable(err), nil
	}
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	server, err := c.engine.api.ServerVersion(ctx)
	if err != nil {
		return notUsable(c.engine.explain("ask the Docker Engine for its version", err)), nil
	}
	api := c.engine.api.ClientVersion() // as negotiated by now
	return sdk.CheckResult{
		OK:       true,
		Message:  fmt.Sprintf("Docker Engine %s, API %s", server.Version, api),
		Identity: c.engine.api.DaemonHost(),
		Details: map[string]string{"engine_version": server.Version, "api_version": api,
			"engine_api_version": server.APIVersion, "os": server.Os, "arch": server.Arch},
	}, nil
}

// notUsable is the answer of a check that failed, with what to do about it.
func notUsable(err error) sdk.CheckResult {
	result := sdk.CheckResult{Message: err.Error()}
	if e, ok := err.(*sdk.Error); ok && e.Suggestion != "" {
		result.Message += "; " + e.Suggestion
	}
	return result
}
