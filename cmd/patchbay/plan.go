package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/engine"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/core/pipefile"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func (a *app) newPlanCommand() *cobra.Command {
	var f runFlags
	command := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what the steps of a pipeline file would do, and do nothing",
		Long: "Show what the steps of a pipeline file would do, as far as their connectors can say: the\n" +
			"difference that a deployment would make, for example. Nothing is run. Files are looked for in\n" +
			"the current folder, as they are. FILE may be - for standard input.\n" +
			"Exit code 0: all could be planned; 1: something could not; 2: bad usage or an invalid file.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.plan(command.Context(), args[0], f)
		},
	}
	flags := command.Flags()
	f.addTriggerFlags(flags)
	f.params.add(flags)
	flags.StringArrayVar(&f.secrets, "secret", nil, "NAME of a variable that is a secret of the steps that name it; may be repeated")
	flags.StringVar(&f.secretsFile, "secrets-file", "", "a file of NAME=value lines, each a secret")
	flags.StringVar(&f.workspace, "workspace", ".", "the folder in which the steps' files are")
	flags.BoolVar(&f.strict, "strict", false, "treat warnings about unknown keys as errors")
	return command
}

// stepPlan is what `plan -o json` says about one step.
type stepPlan struct {
	Pipeline  string        `json:"pipeline"`
	Step      string        `json:"step"`
	Connector string        `json:"connector"`
	Action    string        `json:"action,omitempty"`
	Summary   string        `json:"summary,omitempty"`
	Changes   []plannedStep `json:"changes"`
	Error     string        `json:"error,omitempty"`
}

type plannedStep struct {
	Action  string `json:"action"`
	Target  string `json:"target"`
	Details string `json:"details,omitempty"`
}

// plan asks the connectors of a file, one step after the other.
func (a *app) plan(ctx context.Context, name string, f runFlags) error {
	in, err := a.inputs(f)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	source, err := a.readFile(name)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	folder, err := filepath.Abs(f.workspace)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	host, err := a.localPluginHost(a.logger("error"), in.secrets)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	defer host.Close()
	specs, diagnostics := pipefile.Parse(ctx, name, source, pipefile.Options{Catalog: host, Strict: f.strict})
	a.printDiagnostics(a.stderr, diagnostics)
	if core.HasErrors(diagnostics) {
		return &exitError{exitUsage, fmt.Errorf("%s is not valid", name)}
	}
	triggers, err := in.triggers(specs)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	all := []stepPlan{}
	for i, spec := range specs {
		plans, err := planSteps(ctx, host, spec, triggers[i], folder, in.secrets)
		if err != nil {
			return &exitError{exitFailed, err}
		}
		all = append(all, plans...)
	}
	hideSecrets(all, in.secrets)
	return a.printPlans(all)
}

// planSteps plans one pipeline. A step that cannot be planned has an Error; the others
// are planned all the same.
func planSteps(ctx context.Context, host *pluginhost.Host, spec *core.Spec, trigger core.TriggerRequest, folder string, secrets localSecrets) ([]stepPlan, error) {
	execution := &core.Execution{ID: newID(), PipelineID: newID(), PipelineName: spec.Name, Trigger: trigger.Info,
		Environment: trigger.Environment, Params: trigger.Params}
	compiled, steps, err := engine.Preview(ctx, execution, spec, folder, secrets)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "patchbay-plan-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the plan: %w", err)
	}
	defer os.RemoveAll(scratch)
	plans := make([]stepPlan, 0, len(steps))
	for _, step := range steps {
		p := stepPlan{Pipeline: spec.Name, Step: stepLabel(compiled, step.Node), Connector: step.Node.Step.Connector,
			Action: step.Step.Action, Changes: []plannedStep{}}
		if step.Err != nil {
			p.Error = step.Err.Error()
		} else {
			step.Step.Workspace.AttemptPath = scratch
			step.Step.AttemptID = newID()
			p.ask(ctx, host, step.Step)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// ask fills in what the connector says.
func (p *stepPlan) ask(ctx context.Context, host *pluginhost.Host, step sdk.Step) {
	err := host.Use(ctx, p.Connector, func(client *sdk.Client, info sdk.Info) error {
		if !info.Has(sdk.CapabilityPlanStep) {
			p.Summary = "would run; the connector cannot say what that does"
			return nil
		}
		plan, err := client.PlanStep(ctx, sdk.PlanRequest{Step: step})
		p.Summary = plan.Summary
		for _, c := range plan.Changes {
			p.Changes = append(p.Changes, plannedStep(c))
		}
		return err
	})
	if err == nil {
		return
	}
	p.Error = err.Error()
	var problem *sdk.Error
	if errors.As(err, &problem) && problem.Suggestion != "" {
		p.Error += "; " + problem.Suggestion
	}
}

// hideSecrets masks values that a step was given and its plan repeats.
func hideSecrets(plans []stepPlan, secrets localSecrets) {
	var values []string
	for _, value := range secrets {
		values = append(values, value)
	}
	masks := mask.New(values)
	hide := func(text *string) { *text = masks.Text(*text) }
	for i := range plans {
		hide(&plans[i].Summary)
		hide(&plans[i].Error)
		for j := range plans[i].Changes {
			hide(&plans[i].Changes[j].Target)
			hide(&plans[i].Changes[j].Details)
		}
	}
}

func (a *app) printPlans(plans []stepPlan) error {
	if a.output == "json" {
		if err := a.printJSON(plans); err != nil {
			return err
		}
	} else {
		for _, p := range plans {
			a.printPlan(p)
		}
	}
	if slices.ContainsFunc(plans, func(p stepPlan) bool { return p.Error != "" }) {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (a *app) printPlan(p stepPlan) {
	what := strings.TrimSpace(p.Connector + " " + p.Action)
	fmt.Fprintf(a.stdout, "%s (%s): %s\n", p.Step, what, strings.TrimSpace(p.Summary))
	if p.Error != "" {
		fmt.Fprintf(a.stdout, "  error: %s\n", strings.ReplaceAll(p.Error, "\n", "\n  "))
	}
	marks := map[string]string{"create": "+", "update": "~", "delete": "-", "run": ">"}
	for _, c := range p.Changes {
		fmt.Fprintf(a.stdout, "  %s %s %s\n", marks[c.Action], c.Action, c.Target)
		for line := range strings.Lines(c.Details) {
			fmt.Fprintf(a.stdout, "      %s\n", strings.TrimRight(line, "\n"))
		}
	}
}
