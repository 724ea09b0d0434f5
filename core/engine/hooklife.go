package engine

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/sdk"
)

// hookLife makes what runs a hook: the life of a step that has the hook's work, and
// shares the document, the log and the place in the trace with the step. What the hook
// sets as outputs are outputs of the step.
func (l *stepLife) hookLife(stop context.Context, h *core.Hook, record *core.HookRun) *stepLife {
	spec := &core.Step{Name: l.spec.Name, Connector: h.Connector, Action: h.Action, Config: h.Config,
		Timeout: h.Timeout, Secrets: h.Secrets, Grace: l.spec.Grace}
	in := l.inputs
	in.base = maps.Clone(l.inputs.base)
	maps.Copy(in.base, l.hookFacts(record))
	in.layers = append(slices.Clone(l.inputs.layers), h.Environment)
	in.variables.Secrets = nil // the step's are not the hook's
	if in.variables.Outputs != nil && l.step.Ending != nil && len(l.step.Outputs) > 0 {
		in.variables.Outputs = l.withOwnOutputs(in.variables.Outputs)
	}
	return &stepLife{run: l.run, node: l.node, step: l.step, spec: spec, stop: stop, inputs: in,
		whose: "the hook's", trace: attemptTrace{step: l.trace.step}}
}

// withOwnOutputs adds the step's outputs to those of others, for what runs after it.
func (l *stepLife) withOwnOutputs(others map[string]map[string]string) map[string]map[string]string {
	all, own := maps.Clone(others), maps.Clone(l.step.Outputs)
	stage := l.run.plan.Stages[l.run.plan.Nodes[l.node].Stage].Spec.Name
	all[l.spec.Name], all[stage+"/"+l.spec.Name] = own, own
	return all
}

// hookFacts is what a hook is told of itself and of its step.
func (l *stepLife) hookFacts(record *core.HookRun) map[string]string {
	facts := map[string]string{
		"CI_HOOK":           string(record.Phase),
		"CI_HOOK_NAME":      record.Name,
		"CI_STEP_STATUS":    string(core.StatusRunning),
		"CI_STEP_REASON":    "",
		"CI_STEP_EXIT_CODE": "",
		"CI_STEP_ATTEMPTS":  strconv.Itoa(len(l.step.Attempts)),
	}
	if ending := l.step.Ending; ending != nil {
		facts["CI_STEP_STATUS"] = string(ending.Status)
		facts["CI_STEP_REASON"] = variableText(ending.Reason)
	}
	if n := len(l.step.Attempts); n > 0 && l.step.Attempts[n-1].ExitCode != nil {
		facts["CI_STEP_EXIT_CODE"] = strconv.Itoa(*l.step.Attempts[n-1].ExitCode)
	}
	return facts
}

// variableText is a text of somebody else's as the value of a variable: short, and
// without what no variable can have.
func variableText(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), maxReason)], "\x00", ""), "")
}

// ownHook is the record of a call of the connector's PreExecute or PostExecute.
func ownHook(phase core.HookPhase, connector string, attempt int, began time.Time, err error, masks *mask.Set) *core.HookRun {
	ended := now()
	record := &core.HookRun{Phase: phase, Connector: connector,
		Attempt: core.Attempt{Number: attempt, Status: core.StatusSuccess, StartedAt: began, FinishedAt: &ended}}
	if err != nil {
		record.Attempt.Status, record.Attempt.ErrorClass = core.StatusFailed, string(sdk.ClassOf(err))
		record.Attempt.Message = masks.Text(err.Error())
	}
	return record
}

// recordOwn keeps the record of a call; the next change of the step stores it. A call
// that is repeated because the attempt is joined again replaces the one before.
func (l *stepLife) recordOwn(record *core.HookRun) { l.step.Hooks = withOwn(l.step.Hooks, record) }

func withOwn(list []*core.HookRun, record *core.HookRun) []*core.HookRun {
	for i, old := range list {
		if old.Phase == record.Phase && old.Attempt.Number == record.Attempt.Number {
			list[i] = record
			return list
		}
	}
	return append(list, record)
}

// posted are the records of PostExecute, which is called in the background: they wait
// for the end of the run, since until then the steps belong to others. It is safe for
// concurrent use.
type posted struct {
	mu     sync.Mutex
	byNode map[int][]*core.HookRun
}

func (p *posted) add(node int, record *core.HookRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byNode == nil {
		p.byNode = map[int][]*core.HookRun{}
	}
	p.byNode[node] = append(p.byNode[node], record)
}

// keepPosted stores how the calls of PostExecute ended. No status changes, so nobody
// is told.
func (r *run) keepPosted() {
	r.posted.mu.Lock()
	defer r.posted.mu.Unlock()
	for node, records := range r.posted.byNode {
		step := r.steps[node]
		for _, record := range records {
			step.Hooks = withOwn(step.Hooks, record)
		}
		err := r.persist("store a step", func() error { return r.engine.options.Store.SaveStepRun(r.ctx, step) })
		if err != nil && r.ctx.Err() == nil {
			r.log.Warn("the record of PostExecute could not be stored", "step", step.Name, "error", err)
		}
	}
}
