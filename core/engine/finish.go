package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// maxDestroys is how often a connector may die over removing what is left of steps.
const maxDestroys = 10

// destroyLimit is how long a connector may take to remove what is left of steps.
const destroyLimit = time.Minute

// finish removes what the run left, stores its end, and closes its log. In this
// order: an execution that has ended has left nothing.
func (r *run) finish() {
	r.usage.Stop()
	r.cleanup.Wait()
	r.keepPosted()
	r.dropAhead()
	for connector, attempts := range r.attemptsByConnector() {
		r.destroy(connector, attempts)
	}
	status, reason := r.overall()
	r.keepWorkspace(status)
	if err := r.workspace.Remove(); err != nil {
		r.log.Error("remove the workspace", "error", err)
		r.say(-1, 0, "the workspace could not be removed entirely; the server's log has the details")
	}
	err := r.updateExecution(func(e *core.Execution) {
		at := now()
		e.Status, e.Reason, e.FinishedAt = status, reason, &at
	})
	if err != nil {
		if r.ctx.Err() == nil {
			r.log.Error("store the end of the execution", "error", err)
		}
		return
	}
	r.endTrace()
	if err := r.logs.Seal(); err != nil {
		r.log.Error("seal the log", "error", err)
	}
}

// severity orders how steps ended by what it says of the run: what was stopped
// because something else failed must not hide that.
var severity = map[core.Status]int{core.StatusCancelled: 1, core.StatusTimeout: 2, core.StatusFailed: 3}

// overall is how the run ended as a whole.
func (r *run) overall() (core.Status, string) {
	if r.halt != nil {
		return r.halt.status, r.halt.text
	}
	status, reason := core.StatusSuccess, ""
	for _, step := range r.steps {
		if !counts(step) {
			continue
		}
		if severity[step.Status] > severity[status] {
			status, reason = step.Status, "step "+step.Name+": "+step.Reason
		}
	}
	return status, reason
}

func (r *run) attemptsByConnector() map[string][]*core.Attempt {
	byConnector := map[string][]*core.Attempt{}
	for i, step := range r.steps {
		connector := r.plan.Nodes[i].Step.Connector
		for j := range step.Attempts {
			byConnector[connector] = append(byConnector[connector], &step.Attempts[j])
		}
		for _, hook := range step.Hooks {
			if !hook.Phase.OfConnector() {
				byConnector[hook.Connector] = append(byConnector[hook.Connector], &hook.Attempt)
			}
		}
	}
	return byConnector
}

// destroy removes what is left of a connector's attempts. A failure is logged: it
// must not keep a run from ending.
func (r *run) destroy(connector string, attempts []*core.Attempt) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), destroyLimit)
	defer cancel()
	ctx = r.trace.forConnector(ctx)
	request := sdk.DestroyRequest{}
	for _, a := range attempts {
		request.Attempts = append(request.Attempts, r.attemptRef(a, ""))
	}
	var err error
	for range maxDestroys {
		err = r.engine.options.Connectors.Use(ctx, connector, func(client *sdk.Client, info sdk.Info) error {
			if !info.Has(sdk.CapabilityDestroyStep) {
				return nil
			}
			if d := r.engine.options.Deployer; d != nil && info.Has(sdk.CapabilityDeploy) {
				for i := range request.Attempts {
					request.Attempts[i].Workspace.DeployPath = d.Folder(connector)
				}
			}
			return client.DestroyStep(ctx, request)
		})
		if !errors.Is(err, sdk.ErrGone) {
			break // a process that died over it has left the rest to the next one
		}
	}
	if err != nil {
		level := hclog.Error
		if !slices.ContainsFunc(attempts, func(a *core.Attempt) bool { return a.ErrorClass == "" }) {
			level = hclog.Warn // the connector never got as far as leaving something
		}
		r.log.Log(level, "DestroyStep failed; something may be left", "connector", connector, "error", err)
		return
	}
	for _, a := range attempts {
		if err := r.workspace.RemoveAttempt(a.ID); err != nil {
			r.log.Warn("remove the attempt's folder", "attempt", a.ID, "error", err)
		}
	}
}

func (r *run) attemptRef(a *core.Attempt, action string) sdk.AttemptRef {
	return sdk.AttemptRef{AttemptID: a.ID, Action: action, State: a.State, Workspace: r.attemptWorkspace(a)}
}

func (r *run) attemptWorkspace(a *core.Attempt) sdk.Workspace {
	return sdk.Workspace{Path: r.workspace.Path(), AttemptPath: r.workspace.AttemptPath(a.ID)}
}

// resultOf is the sdk's view of a stored attempt.
func resultOf(a *core.Attempt) sdk.Result {
	outcome := sdk.OutcomeFailed
	switch a.Status {
	case core.StatusSuccess:
		outcome = sdk.OutcomeSucceeded
	case core.StatusCancelled, core.StatusTimeout:
		outcome = sdk.OutcomeCancelled
	}
	return sdk.Result{Outcome: outcome, ExitCode: a.ExitCode, Signal: a.Signal, Message: a.Message, Metadata: a.Metadata}
}
