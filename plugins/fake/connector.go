package main

import (
	"context"
	"os"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// checkEnv makes Check say that the service cannot be reached.
const checkEnv = "PATCHBAY_FAKE_CHECK"

// connector is the typed actions, and the optional methods, which only keep a
// journal.
type connector struct {
	*sdk.Actions
	journal *journal
	reports counter

	instances sync.Mutex // one start or stop at a time
}

func newConnector() *connector {
	c := &connector{journal: &journal{file: os.Getenv(journalEnv)}}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "fake", Version: version, Summary: "Misbehave on request, for tests",
			Secrets: []sdk.SecretInfo{{Name: reportToken, Help: "what reports are made with; none is needed"}}},
		sdk.NewAction("echo", "Print lines, set outputs, exit with a code", echo, sdk.WithOutput("*", "what the config says")),
		sdk.NewAction("crash", "Kill the connector's own process", crash),
		sdk.NewAction("hang", "Do not end when cancelled", hang),
		sdk.NewAction("error", "Fail as a connector, not as a step", fail),
		sdk.NewAction("flood", "Print a great deal", flood),
		sdk.NewAction("slow", "Take a while in silence", slow),
		sdk.NewAction("progress", "Report progress", progress),
		sdk.NewAction("lost", "Lose the work", lost),
		sdk.NewAction("panic", "Panic in RunStep", panics),
		sdk.NewAction("deploy", "Deploy a service that misbehaves", deploy, sdk.Deploys()),
	)
	return c
}

// RunStep notes the call and runs the action.
func (c *connector) RunStep(ctx context.Context, r sdk.RunRequest, s *sdk.Session) (sdk.Result, error) {
	if err := c.journal.begin(r.Step); err != nil {
		return sdk.Result{}, err
	}
	if err := c.journal.note("RunStep", r.Step.AttemptID, r.Step.Workspace); err != nil {
		return sdk.Result{}, err
	}
	return c.Actions.RunStep(ctx, r, s)
}

// PreExecute implements sdk.PreExecutor.
func (c *connector) PreExecute(_ context.Context, r sdk.PreExecuteRequest) error {
	if err := c.journal.begin(r.Step); err != nil {
		return err
	}
	return c.journal.note("PreExecute", r.Step.AttemptID, r.Step.Workspace)
}

// PostExecute implements sdk.PostExecutor.
func (c *connector) PostExecute(_ context.Context, r sdk.PostExecuteRequest) error {
	return c.journal.note("PostExecute", r.Attempt.AttemptID, r.Attempt.Workspace)
}

// DestroyStep implements sdk.Destroyer. Nothing of an attempt lives outside the
// process and the attempt's folder.
func (c *connector) DestroyStep(_ context.Context, r sdk.DestroyRequest) error {
	for _, a := range r.Attempts {
		if err := c.journal.note("DestroyStep", a.AttemptID, a.Workspace); err != nil {
			return err
		}
	}
	return nil
}

// Check implements sdk.Checker.
func (c *connector) Check(context.Context, sdk.CheckRequest) (sdk.CheckResult, error) {
	if err := c.journal.note("Check", "-", sdk.Workspace{}); err != nil {
		return sdk.CheckResult{}, err
	}
	if reason := os.Getenv(checkEnv); reason != "" {
		return sdk.CheckResult{Message: reason}, nil
	}
	return sdk.CheckResult{OK: true, Message: "there is nothing to reach", Identity: "nobody"}, nil
}
