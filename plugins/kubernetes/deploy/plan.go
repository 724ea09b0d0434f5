package deploy

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Plan says what a step would do, of the connector's own action (run) or of one of
// this package's. Its config has been checked.
func Plan[C any](ctx context.Context, step sdk.Step, run Runner[C]) (sdk.Plan, error) {
	switch step.Action {
	case "apply":
		return planAs(ctx, step, planApply)
	case "rollback":
		return planAs(ctx, step, planRollback)
	case "helm":
		return planAs(ctx, step, planHelm)
	case "render", "validate":
		return sdk.Plan{Summary: step.Action + ": nothing in the cluster would change"}, nil
	}
	return planAs(ctx, step, func(ctx context.Context, step sdk.Step, config C) (sdk.Plan, error) {
		objects, err := run(ctx, step, config)
		if err != nil {
			return sdk.Plan{}, err
		}
		plan := sdk.Plan{Summary: "run: a Job would run and be removed"}
		for _, object := range objects {
			plan.Changes = append(plan.Changes, sdk.PlannedChange{Action: changeRun, Target: nameOf(object), Details: shown(object)})
		}
		return plan, nil
	})
}

func planAs[C any](ctx context.Context, step sdk.Step, plan func(context.Context, sdk.Step, C) (sdk.Plan, error)) (sdk.Plan, error) {
	var config C
	if err := json.Unmarshal(step.Config, &config); err != nil {
		return sdk.Plan{}, sdk.Errorf(sdk.ClassInvalidConfig, "%v", err)
	}
	made, err := plan(ctx, step, config)
	if err != nil {
		return sdk.Plan{}, asError(err)
	}
	return made, nil
}

// asError has a refusal cross the wire as an error: where there is no step to fail.
func asError(err error) error {
	if no, isRefusal := err.(*refused); isRefusal {
		message := no.message
		for _, line := range no.lines {
			message += "\n" + line
		}
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: message}
	}
	return err
}

// planApply is the difference between the manifests and the cluster, and what would
// be pruned.
func planApply(ctx context.Context, step sdk.Step, config ApplyConfig) (sdk.Plan, error) {
	documents, err := config.Manifest.read(step.Workspace.Path)
	if err != nil {
		return sdk.Plan{}, err
	}
	c, err := open(step, config.Access)
	if err != nil {
		return sdk.Plan{}, err
	}
	targets, err := resolve(c, documents)
	if err != nil {
		return sdk.Plan{}, err
	}
	var set *applySet
	if config.Release != "" {
		if set, err = c.openSet(ctx, config.Release); err != nil {
			return sdk.Plan{}, err
		}
		set.claim(targets)
	}
	changes, err := c.diff(ctx, targets, applyOptions{force: config.Force, createNamespace: config.CreateNamespace})
	if err != nil {
		return sdk.Plan{}, err
	}
	if set != nil && config.Prune {
		surplus, err := set.surplus(ctx, targets)
		if err != nil {
			return sdk.Plan{}, err
		}
		for _, m := range surplus {
			if config.keeps(m.object) == "" {
				changes = append(changes, removal(m.object))
			}
		}
	}
	return sdk.Plan{Summary: fmt.Sprintf("apply: %s", summary(changes)), Changes: changes}, nil
}
