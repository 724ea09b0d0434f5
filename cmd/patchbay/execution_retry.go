package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/client"
)

// retryFlags say what of an execution is run again.
type retryFlags struct {
	failed      bool
	stage, step string
	params      paramFlags
	environment []string
}

func (a *app) newRetryCommand() *cobra.Command {
	var f retryFlags
	var follow bool
	command := a.remoteCommand("retry ID", "Run an ended execution again: all of it, what failed, or one step", 1,
		func(ctx context.Context, r *remote, args []string) error {
			body, err := f.body()
			if err != nil {
				return err
			}
			data, err := r.read(r.api.RetryExecution(ctx, args[0], nil, body))
			if err != nil {
				return err
			}
			return a.showCreated(ctx, r, data, follow)
		})
	flags := command.Flags()
	flags.BoolVar(&f.failed, "failed", false, "only what did not succeed; the rest is taken over")
	flags.StringVar(&f.step, "step", "", "only this step, as STEP or STAGE/STEP")
	flags.StringVar(&f.stage, "stage", "", "the step's stage, for names with slashes")
	f.params.add(flags)
	flags.StringArrayVarP(&f.environment, "env", "e", nil, "NAME=value, in place of the first execution's; may be repeated")
	flags.BoolVarP(&follow, "follow", "f", false, "show what the steps say; exit code 1 when the execution does not succeed")
	command.MarkFlagsMutuallyExclusive("failed", "step")
	command.MarkFlagsMutuallyExclusive("failed", "stage")
	return command
}

// body checks the flags and makes the request of them.
func (f *retryFlags) body() (client.RetryRequest, error) {
	mode := client.RetryRequestMode(core.RetryAll)
	switch {
	case f.failed:
		mode = client.RetryRequestMode(core.RetryFailed)
	case f.step != "":
		mode = client.RetryRequestMode(core.RetryStep)
	case f.stage != "":
		return client.RetryRequest{}, &exitError{exitUsage, errors.New("--stage needs --step")}
	}
	params, err := f.params.params()
	if err != nil {
		return client.RetryRequest{}, err
	}
	environment, err := pairs("env", f.environment)
	if err != nil {
		return client.RetryRequest{}, err
	}
	stage, step := f.stage, f.step
	if at := strings.LastIndexByte(step, '/'); at > 0 && stage == "" {
		stage, step = step[:at], step[at+1:]
	}
	body := client.RetryRequest{Mode: &mode, Stage: given(stage), Step: given(step), Params: params}
	if len(environment) > 0 {
		body.Environment = &environment
	}
	return body, nil
}

// showCreated names a new execution, or follows it.
func (a *app) showCreated(ctx context.Context, r *remote, data []byte, follow bool) error {
	var accepted client.Accepted
	if err := json.Unmarshal(data, &accepted); err != nil {
		return &exitError{exitFailed, fmt.Errorf("the server's answer cannot be read: %w", err)}
	}
	if follow {
		return a.followExecution(ctx, r, accepted.ExecutionId, logFlags{})
	}
	return show(a, data, func(client.Accepted) {
		fmt.Fprintf(a.stdout, "Execution %s\n", accepted.ExecutionId)
	})
}
