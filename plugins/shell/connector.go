package main

import (
	"context"
	"errors"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// connector runs steps as detached process groups.
type connector struct {
	*sdk.Actions
	processes  *processTable
	processors processors
}

func newConnector() *connector {
	c := &connector{processes: newProcessTable()}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "shell", Version: version, Summary: "Run a command or a script in the workspace"},
		sdk.NewAction("run", "Run a command (sh -c) or a script (sh -e -c)", c.run),
	)
	return c
}

// run starts the step's shell, or joins it, and follows it to its end. A shell that
// ended before the step began is replaced: nothing has happened yet.
func (c *connector) run(ctx context.Context, r sdk.Request[config], s *sdk.Session) (sdk.Result, error) {
	c.processors.enter()
	defer c.processors.leave()
	attempt := newAttempt(r.Step)
	for try := 1; ; try++ {
		result, err := c.follow(ctx, attempt, r, s)
		if !errors.Is(err, errUnbegun) {
			return result, err
		}
		c.processes.forget(attempt.id)
		if try == startTries {
			return result, attempt.whyUnbegun()
		}
	}
}

func (c *connector) follow(ctx context.Context, attempt *attempt, r sdk.Request[config], s *sdk.Session) (sdk.Result, error) {
	process, err := c.processes.startOrJoin(attempt, r)
	if err != nil {
		return sdk.Result{}, err
	}
	followed := make(chan error, 1)
	go func() { followed <- followOutput(ctx, attempt, process.done, s) }()

	select {
	case <-process.done:
	case <-ctx.Done():
		grace, cancelled := sdk.CancelGrace(ctx)
		if !cancelled {
			return sdk.Result{}, context.Cause(ctx)
		}
		c.processes.stop(process, grace)
		<-process.done
		<-followed
		return sdk.Cancelled(), nil
	}
	if err := <-followed; err != nil {
		return sdk.Result{}, err
	}
	result, err := process.result()
	if err != nil {
		return result, err
	}
	return s.FinishWithOutputs(result, attempt.dir)
}

// DestroyStep kills what is left of the attempts' processes.
func (c *connector) DestroyStep(_ context.Context, r sdk.DestroyRequest) error {
	attempts := make([]*attempt, 0, len(r.Attempts))
	for _, ref := range r.Attempts {
		attempts = append(attempts, &attempt{id: ref.AttemptID, dir: ref.Workspace.AttemptPath})
	}
	c.processes.destroy(attempts)
	return nil
}

// Check implements sdk.Checker: is there a shell?
func (c *connector) Check(context.Context, sdk.CheckRequest) (sdk.CheckResult, error) {
	path, err := findShell("sh")
	if err != nil {
		return sdk.CheckResult{Message: "there is no sh in the PATH"}, nil
	}
	return sdk.CheckResult{OK: true, Message: path, Identity: identity()}, nil
}

// killPause is how often a group that was asked to end is looked at.
const killPause = 10 * time.Millisecond

var errNoAttemptPath = errors.New("the host gave no attempt_path; the shell connector keeps output and exit code there")
