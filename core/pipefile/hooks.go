package pipefile

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// hookTimeout is how long a hook may take that says nothing: a cancelled step waits
// for its hooks of post.
const hookTimeout = core.Duration(5 * time.Minute)

// maxHooks bounds the hooks of one phase of a step.
const maxHooks = 20

var (
	hooksKeys = []string{"pre", "post", "on_success", "on_failure"}
	hookKeys  = []string{"name", "run", "step_type", "config", "timeout", "environment", "secrets", "continue_on_error"}
)

// hookPlace is what expressions in a hook may use that those of its step may not: the
// secrets it names, in the place of the step's, and after the step its outputs.
type hookPlace struct {
	secrets []string
	after   bool
}

// hooks reads what runs around a step.
func (o *object) hooks() *core.Hooks {
	e := o.field("hooks")
	if e == nil {
		return nil
	}
	h, ok := o.object(e.value, "hooks", hooksKeys)
	if !ok {
		return nil
	}
	hooks := &core.Hooks{Pre: h.phase(core.HookPre), OnSuccess: h.phase(core.HookOnSuccess),
		OnFailure: h.phase(core.HookOnFailure), Post: h.phase(core.HookPost)}
	if len(hooks.All()) == 0 {
		return nil
	}
	return hooks
}

// phase reads the hooks of one phase: a list, or a single one.
func (o *object) phase(phase core.HookPhase) []core.Hook {
	e := o.field(string(phase))
	if e == nil {
		return nil
	}
	items := []*value{e.value}
	if e.value.kind == kindList {
		items = e.value.list
	}
	if len(items) > maxHooks {
		o.error(e.keyAt, fmt.Sprintf("%s has %d hooks; %d is the most", phase, len(items), maxHooks), "put several commands into one script")
		return nil
	}
	hooks := make([]core.Hook, 0, len(items))
	names := map[string]bool{}
	for i, item := range items {
		hook := o.hook(item, phase, i)
		if names[hook.Name] {
			o.error(item.fieldPosition("name", -1), fmt.Sprintf("%s has two hooks named %q", phase, short(hook.Name)), "give each its own name: the log refers to it")
		}
		names[hook.Name] = true
		hooks = append(hooks, hook)
	}
	return hooks
}

// hook reads one: a script alone, or a mapping with the keys of a step that a hook has.
func (d *decoder) hook(v *value, phase core.HookPhase, index int) core.Hook {
	hook := core.Hook{Name: fmt.Sprintf("%d", index+1), Timeout: hookTimeout, Config: json.RawMessage("{}")}
	if v.kind != kindNull && v.kind < kindList {
		script := *v
		script.kind = kindString
		v = &value{kind: kindMap, at: v.at, entries: []entry{{key: "run", keyAt: v.at, value: &script}}}
	}
	o, ok := d.object(v, "a hook", hookKeys)
	if !ok {
		return hook
	}
	if o.field("name") != nil {
		hook.Name = o.name()
	}
	if timeout := o.timeout(); timeout > 0 {
		hook.Timeout = timeout
	}
	hook.Secrets = o.secrets()
	d.inHook = &hookPlace{secrets: hook.Secrets, after: phase != core.HookPre}
	defer func() { d.inHook = nil }()
	hook.Environment = o.environment()
	if e := o.field("continue_on_error"); e != nil {
		if hook.ContinueOnError = o.flag("continue_on_error"); phase != core.HookPre {
			o.warn(e.keyAt, fmt.Sprintf("a hook of %s never fails its step, so continue_on_error says nothing", phase), "remove it")
		}
	}
	work, ok := o.work()
	if !ok {
		return hook
	}
	hook.Connector, hook.Action = work.connector, work.takeAction(d)
	if hook.Action == "" {
		hook.Action = d.impliedAction(work)
	}
	hook.Config = work.config.appendJSON(nil)
	d.configTemplates(work.config)
	d.checkWork(work, fmt.Sprintf("hook %q", string(phase)+"/"+short(hook.Name)))
	return hook
}
