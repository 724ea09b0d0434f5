package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// The actions.
const (
	actionDirectory = "local_directory"
	actionService   = "local_service"
)

// connector makes releases of files, and has instances of them running. All that it knows
// is on disk: its process may end at any time.
type connector struct {
	*sdk.Actions
	policy *policy
}

// newConnector reads the operator's settings by name.
func newConnector(setting func(string) string) *connector {
	c := &connector{policy: newPolicy(setting)}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "deploy", Version: version, Summary: "Take files live on this machine: as a folder or as a service"},
		sdk.NewAction(actionDirectory, "Have a folder's content replaced in one step", c.directory, sdk.Deploys(),
			sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"target_directory"}, Absent: []string{"command"}})),
		sdk.NewAction(actionService, "Have a command running as a service", c.service, sdk.Deploys(),
			sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"command"}})),
	)
	return c
}

func (c *connector) directory(ctx context.Context, r sdk.Request[directoryConfig], s *sdk.Session) (sdk.Result, error) {
	wanted := r.Config.release()
	wanted.spec.Action = actionDirectory
	return c.release(ctx, r.Step, wanted, s)
}

func (c *connector) service(ctx context.Context, r sdk.Request[serviceConfig], s *sdk.Session) (sdk.Result, error) {
	wanted, err := r.Config.release(r.Step.Secrets)
	if err != nil {
		return sdk.Result{}, err
	}
	wanted.spec.Action = actionService
	return c.release(ctx, r.Step, wanted, s)
}

// release copies the files, unless an earlier try has, and hands the release over.
func (c *connector) release(ctx context.Context, step sdk.Step, wanted wanted, s *sdk.Session) (sdk.Result, error) {
	made, err := c.make(ctx, step, wanted, func(text string) error { return s.Progress(text, -1) })
	if ctx.Err() != nil {
		if _, cancelled := sdk.CancelGrace(ctx); cancelled {
			return sdk.Cancelled(), nil
		}
		return sdk.Result{}, context.Cause(ctx)
	}
	if err != nil {
		return sdk.Result{}, err
	}
	if _, err := fmt.Fprintf(s.Stdout(), "release of %s: %d files, %d bytes\n", wanted.release.Service, made.Files, made.Bytes); err != nil {
		return sdk.Result{}, err
	}
	return sdk.Succeeded(), s.Release(made.Release)
}

// ValidateConfig implements sdk.ConfigValidator: what is wrong with a config, and what the
// operator does not allow.
func (c *connector) ValidateConfig(_ context.Context, r sdk.ValidateRequest) ([]sdk.Diagnostic, error) {
	problems, err := c.CheckConfig(r)
	if err != nil || len(problems) > 0 {
		return problems, err
	}
	target := targetOf(r.Config)
	if err := c.policy.allows(target); err != nil {
		problem := sdk.Diagnostic{Severity: sdk.SeverityError, Message: err.Error()}
		if e := (*sdk.Error)(nil); errors.As(err, &e) {
			problem.Pointer, problem.Suggestion = e.Pointer, e.Suggestion
		}
		return []sdk.Diagnostic{problem}, nil
	}
	return nil, nil
}

// Check implements sdk.Checker: can the operator's settings be used?
func (c *connector) Check(context.Context, sdk.CheckRequest) (sdk.CheckResult, error) {
	if c.policy.err != nil {
		return sdk.CheckResult{Message: c.policy.err.Error()}, nil
	}
	message := "folders below the server's data folder"
	for _, root := range c.policy.roots {
		message += ", " + root
	}
	return sdk.CheckResult{OK: true, Message: message}, nil
}
