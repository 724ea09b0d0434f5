package trigger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// Retry implements core.Retrier. The steps that are taken over are stored before the
// execution is: after a crash in between there is no execution, and nothing runs that
// should not.
func (s *Service) Retry(ctx context.Context, request core.RetryRequest) (*core.Execution, error) {
	old, err := s.store.Execution(ctx, request.ExecutionID)
	if err != nil {
		return nil, err
	}
	if !old.Status.Terminal() {
		return nil, &core.Error{Code: core.CodeConflict, Message: fmt.Sprintf("execution %s has not ended: it is %s", old.ID, old.Status),
			Suggestions: []string{"wait for its end, or cancel it"}}
	}
	spec, err := s.spec(ctx, old.PipelineID, old.Revision)
	if err != nil {
		return nil, err
	}
	e, err := repeated(old, spec, request)
	if err != nil {
		return nil, err
	}
	if err := s.copyValues(ctx, e, old); err != nil {
		return nil, err
	}
	remember(ctx, e)
	if e.Retry.Mode != core.RetryAll {
		if err := s.takeOver(ctx, e, old, spec, request); err != nil {
			return nil, err
		}
	}
	if err := s.store.CreateExecution(ctx, e); err != nil {
		return nil, err
	}
	s.notify(e)
	return e, nil
}

// repeated makes the execution that repeats another.
func repeated(old *core.Execution, spec *core.Spec, request core.RetryRequest) (*core.Execution, error) {
	mode := request.Mode
	switch {
	case mode == "":
		mode = core.RetryAll
	case mode != core.RetryAll && mode != core.RetryFailed && mode != core.RetryStep:
		return nil, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no retry mode %q", mode), Suggestions: []string{"use all, failed or step"}}
	}
	if mode != core.RetryAll && len(request.Params)+len(request.Environment) > 0 {
		return nil, &core.Error{Code: core.CodeInvalid, Message: "a retry of parts keeps parameters and environment: the steps that are taken over ran with them",
			Suggestions: []string{"retry the whole execution to change them"}}
	}
	id, err := executionID(request.ID)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	e := &core.Execution{ID: id, PipelineID: old.PipelineID, PipelineName: old.PipelineName, Revision: old.Revision,
		Status: core.StatusPending, Trigger: old.Trigger, Environment: changed(old.Environment, request.Environment),
		Retry: &core.Retry{Of: old.ID, Mode: mode}, CreatedAt: now, UpdatedAt: now}
	e.Trigger.TriggeredBy = request.By
	if err := Check(core.TriggerRequest{Info: e.Trigger, Environment: e.Environment}); err != nil {
		return nil, err
	}
	if e.Params, err = Params(spec.Params, changed(old.Params, request.Params)); err != nil {
		return nil, err
	}
	return e, complete(e, spec, old.Priority-spec.Priority)
}

func changed(old, changes map[string]string) map[string]string {
	if len(changes) == 0 {
		return old
	}
	merged := maps.Clone(old)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, changes)
	return merged
}

// takeOver stores the steps that a retry of parts does not run again.
func (s *Service) takeOver(ctx context.Context, e, old *core.Execution, spec *core.Spec, request core.RetryRequest) error {
	if err := s.workspaceKept(ctx, old.ID); err != nil {
		return err
	}
	compiled, problems := plan.Compile(spec)
	if len(problems) > 0 {
		return core.Errorf(core.CodeInvalid, "the pipeline has no order to run in: %s", problems[0].Message)
	}
	stored, err := s.store.StepRuns(ctx, old.ID)
	if err != nil {
		return err
	}
	ends := make([]*core.StepRun, len(compiled.Nodes))
	for _, step := range stored {
		if step.Index >= 0 && step.Index < len(ends) {
			ends[step.Index] = step
		}
	}
	reused := goodSteps(compiled, ends)
	if e.Retry.Mode == core.RetryStep {
		if e.Retry.Step, err = findStep(compiled, request.Stage, request.Step); err != nil {
			return err
		}
		reused = allBut(compiled, ends, e.Retry.Step)
	}
	for i, reuse := range reused {
		if !reuse {
			continue
		}
		step := *ends[i]
		step.Reason = origin(ends[i], old.ID)
		step.ExecutionID, step.Version, step.Reused, step.Attempts, step.Hooks = e.ID, 0, true, nil, nil
		if err := s.store.SaveStepRun(ctx, &step); err != nil {
			return err
		}
	}
	return nil
}

// origin is the reason of a step that is taken over: it names the execution that has the
// step's log. For one that was taken over before, it does so already.
func origin(step *core.StepRun, executionID string) string {
	from := "taken over from execution " + executionID
	switch {
	case step.Reused || step.Status == core.StatusSkipped:
		return step.Reason
	case step.Status == core.StatusSuccess || step.Reason == "":
		return from
	}
	return step.Reason + "; " + from
}

// workspaceKept returns Conflict when there are no files to build on.
func (s *Service) workspaceKept(ctx context.Context, executionID string) error {
	list, err := s.store.Artifacts(ctx, executionID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(a *core.Artifact) bool { return a.Kind == core.ArtifactWorkspace }) {
		return &core.Error{Code: core.CodeConflict, Message: "the workspace of execution " + executionID + " is not kept, so parts of it cannot be repeated",
			Details: "only those of failed executions are, for some days", Suggestions: []string{"retry the whole execution"}}
	}
	return nil
}

// goodSteps returns which steps need not run again: those that succeeded, or whose
// failure was allowed, and that build on nothing that runs again.
//
// What was skipped is asked again and, as a rule, holds nothing up: had it been skipped
// because something failed, what needs it would not have succeeded. Only a step that
// asks about the status (always() cleans up whatever happened) may have run without it,
// and so runs again after it.
func goodSteps(p *plan.Plan, ends []*core.StepRun) []bool {
	g := goodness{plan: p, ends: ends, nodes: make([]answer, len(p.Nodes)), stages: make([]answer, len(p.Stages)), full: make([]answer, len(p.Stages))}
	reused := make([]bool, len(p.Nodes))
	for i := range p.Nodes {
		reused[i] = g.node(i) && ends[i].Status != core.StatusSkipped
	}
	return reused
}

// answer is what is known about a step or a stage.
type answer uint8

const (
	unknown answer = iota
	yes
	no
)

func answered(good bool) answer {
	if good {
		return yes
	}
	return no
}

// goodness answers which steps and stages are good, each once.
type goodness struct {
	plan  *plan.Plan
	ends  []*core.StepRun
	nodes []answer
	// stages are those whose steps are all good, full those of which none was skipped.
	stages, full []answer
}

func (g *goodness) node(i int) bool {
	if g.nodes[i] == unknown {
		end := g.ends[i]
		good := end != nil && (end.Status == core.StatusSuccess || end.Allowed || end.Status == core.StatusSkipped)
		g.nodes[i] = answered(good && g.basis(i))
	}
	return g.nodes[i] == yes
}

// basis reports whether all that a step builds on is good.
func (g *goodness) basis(i int) bool {
	node := g.plan.Nodes[i]
	strict := g.asksStatus(node)
	for _, need := range node.Needs {
		if !g.node(need) || (strict && g.ends[need].Status == core.StatusSkipped) {
			return false
		}
	}
	for _, need := range g.plan.Stages[node.Stage].Needs {
		if !g.stage(need) || (strict && g.full[need] != yes) {
			return false
		}
	}
	return true
}

// asksStatus reports whether a step may run though something failed before it.
func (g *goodness) asksStatus(node plan.Node) bool {
	for _, source := range []string{node.Step.Condition, g.plan.Stages[node.Stage].Spec.Condition} {
		if source == "" {
			continue
		}
		if parsed, err := condition.Parse(source); err != nil || parsed.UsesStatus() {
			return true
		}
	}
	return false
}

func (g *goodness) stage(i int) bool {
	if g.stages[i] == unknown {
		good, full := true, true
		for _, node := range g.plan.Stages[i].Nodes {
			if good = g.node(node); !good {
				break
			}
			full = full && g.ends[node].Status != core.StatusSkipped
		}
		g.stages[i], g.full[i] = answered(good), answered(full)
	}
	return g.stages[i] == yes
}

// allBut takes over everything but one step; what never came to an end is skipped.
func allBut(p *plan.Plan, ends []*core.StepRun, but int) []bool {
	reused := make([]bool, len(p.Nodes))
	for i, node := range p.Nodes {
		reused[i] = i != but
		if ends[i] == nil || !ends[i].Status.Terminal() {
			ends[i] = &core.StepRun{Index: i, Stage: p.Instances[node.Instance].Name, Name: node.Step.Name,
				Status: core.StatusSkipped, Reason: "not part of this retry"}
		}
	}
	return reused
}

// findStep returns the step of that name; stage may be that of the file, or one
// combination of its matrix.
func findStep(p *plan.Plan, stage, name string) (int, error) {
	var found []int
	var places, names []string
	for i, node := range p.Nodes {
		instance := p.Instances[node.Instance]
		names = append(names, node.Step.Name)
		if node.Step.Name == name && (stage == "" || stage == instance.Name || stage == p.Stages[node.Stage].Spec.Name) && !node.IsApproval() {
			found, places = append(found, i), append(places, instance.Name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		e := core.Errorf(core.CodeNotFound, "there is no step %q", strings.TrimPrefix(stage+"/"+name, "/"))
		if near := core.Nearest(name, names); near != "" {
			e.Suggestions = []string{"did you mean " + near + "?"}
		}
		return 0, e
	}
	return 0, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("several stages have a step %q", name),
		Suggestions: []string{"name one of its stages: " + strings.Join(places, ", ")}}
}
