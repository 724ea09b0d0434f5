package pipefile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

var stepKeys = []string{"name", "step_type", "run", "config", "condition", "continue_on_error", "timeout", "depends_on",
	"retry_count", "environment", "secrets", "outputs", "artifacts", "cache", "when", "approval", "grace_period", "hooks"}

func (d *decoder) step(v *value) core.Step {
	o, ok := d.object(v, "a step", stepKeys)
	if !ok {
		return core.Step{}
	}
	step := core.Step{
		Name:            o.name(),
		Condition:       o.condition(),
		ContinueOnError: o.flag("continue_on_error"),
		Timeout:         o.timeout(),
		RetryCount:      o.retries(),
		Environment:     o.environment(),
		DependsOn:       o.texts("depends_on"),
		Secrets:         o.secrets(),
		Outputs:         o.outputs(),
		Cache:           o.caches(),
		When:            o.when(),
		Approval:        o.approval(),
		Grace:           o.duration("grace_period"),
	}
	step.Artifacts = o.artifacts(step.Name)
	step.Hooks = o.hooks()
	work, ok := o.work()
	if !ok {
		step.Config = json.RawMessage("{}")
		return step
	}
	step.Connector, step.Action = work.connector, work.takeAction(d)
	if step.Action == "" {
		step.Action = d.impliedAction(work)
	}
	step.Config = work.config.appendJSON(nil)
	d.configTemplates(work.config)
	d.checkWork(work, fmt.Sprintf("step %q", short(step.Name)))
	return step
}

// work is what a step asks of which connector.
type work struct {
	connector string
	typeAt    position // of the connector's name
	config    *value   // a mapping, without action
	configAt  position // where config is, or would be
	action    string
	actionAt  position
}

// otherSpellings of connector names that files in use have.
var otherSpellings = map[string]string{"a_w_s": "aws", "g_c_p": "gcp", "git_hub": "github", "git_lab": "gitlab"}

// work resolves step_type, run and config; what is wrong is reported.
func (o *object) work() (*work, bool) {
	w := &work{connector: o.text("step_type"), typeAt: o.v.fieldPosition("step_type", -1), configAt: o.v.at}
	if name, found := otherSpellings[w.connector]; found {
		w.connector = name
	}
	w.config = &value{kind: kindMap, at: o.v.at}
	if e := o.field("config"); e != nil {
		if e.value.kind != kindMap {
			o.error(e.value.at, "config must be a mapping, this is "+e.value.describe(), "write key: value, one a line")
			return nil, false
		}
		w.config, w.configAt = e.value, e.keyAt
	}
	run := o.field("run")
	switch {
	case run != nil:
		return w, o.shorthand(w, run)
	case o.field("step_type") == nil:
		o.error(o.v.at, o.what+" has no step_type", "add step_type: shell, or another connector; or run: <script>")
		return nil, false
	case w.connector == "custom":
		return w, o.custom(w)
	}
	return w, true
}

// shorthand makes a shell step of run: its text is the script of the config.
func (o *object) shorthand(w *work, run *entry) bool {
	if w.connector != "" && w.connector != "shell" {
		o.error(run.keyAt, fmt.Sprintf("run is for shell steps, and this one is of type %s", short(w.connector)), "move it into config, or remove step_type")
		return false
	}
	if run.value.kind == kindMap {
		o.error(run.value.at, "run must be a script, this is a mapping", "write run: | and the script below it")
		return false
	}
	for _, e := range w.config.entries {
		if e.key == "script" || e.key == "command" {
			o.error(e.keyAt, "the step has run and "+e.key, "keep one of them")
			return false
		}
	}
	script := *run.value
	if script.kind < kindList {
		script.kind = kindString
	}
	config := *w.config
	config.entries = append([]entry{{key: "script", keyAt: run.keyAt, value: &script}}, config.entries...)
	w.connector, w.config = "shell", &config
	return true
}

// deployments are what deployment_type of a custom step may be, with the connector and the
// action that it stands for.
var deployments = map[string]struct{ connector, action string }{
	"local_directory": {"deploy", "local_directory"},
	"local_service":   {"deploy", "local_service"},
	"docker":          {"docker", "deploy"},
}

// custom resolves a step of type custom: a connector by name, or a deployment.
func (o *object) custom(w *work) bool {
	name, deployment := w.config.get("plugin_name"), w.config.get("deployment_type")
	switch {
	case name != nil && name.kind < kindList && strings.TrimSpace(name.text) != "":
		return o.plugin(w, name)
	case deployment != nil:
		return o.deployment(w, deployment)
	default:
		o.error(w.configAt, "a custom step names its connector in config.plugin_name", "add plugin_name: <connector>, or write the connector's name as step_type")
		return false
	}
}

// deployment resolves a step that says how it deploys: the rest of its config is the
// action's.
func (o *object) deployment(w *work, kind *value) bool {
	stands, known := deployments[strings.TrimSpace(kind.text)]
	if kind.kind >= kindList || !known {
		o.error(kind.at, fmt.Sprintf("deployment_type is %s", kind.describe()), "write local_directory, local_service or docker")
		return false
	}
	if action := w.config.get("action"); action != nil {
		o.error(action.at, "the step has a deployment_type and an action", "keep one of them")
		return false
	}
	w.connector, w.typeAt, w.action, w.actionAt = stands.connector, kind.at, stands.action, kind.at
	rest := *w.config
	rest.entries = slices.DeleteFunc(slices.Clone(rest.entries), func(e entry) bool { return e.key == "deployment_type" })
	w.config = &rest
	if info, _ := o.connector(w.connector); o.options.Catalog != nil && info == nil {
		o.error(kind.at, fmt.Sprintf("deployments (deployment_type: %s) are not served by any installed connector", kind.text),
			"put patchbay-connector-"+w.connector+" in the plugin path, or deploy with a shell step")
		return false
	}
	return true
}

// plugin takes the config of the connector named out of that of the custom step.
func (o *object) plugin(w *work, name *value) bool {
	outer, inner := w.config, &value{kind: kindMap, at: w.config.at}
	w.connector, w.typeAt = name.text, name.at
	found := ""
	for _, e := range outer.entries {
		switch e.key {
		case "plugin_config", "parameters":
			if e.value.kind == kindNull {
				continue
			}
			if found != "" {
				o.error(e.keyAt, "plugin_config and parameters are the same, and both are here", "keep one of them")
				return false
			}
			if e.value.kind != kindMap {
				o.error(e.value.at, e.key+" must be a mapping, this is "+e.value.describe(), "write key: value, one a line")
				return false
			}
			found, inner, w.configAt = e.key, e.value, e.keyAt
		case "plugin_name", "action":
		default:
			o.unknownKey(e, "the config of a custom step", []string{"plugin_name", "plugin_config", "parameters", "action"})
		}
	}
	w.config = inner
	if action := outer.get("action"); action != nil && inner.get("action") == nil {
		w.action, w.actionAt = action.text, action.at
	}
	return true
}

// takeAction removes action from the config and returns it.
func (w *work) takeAction(d *decoder) string {
	for i, e := range w.config.entries {
		if e.key != "action" {
			continue
		}
		if e.value.kind >= kindList {
			d.error(e.value.at, "action must be a name, this is "+e.value.describe(), "")
		}
		w.action, w.actionAt = e.value.environmentText(), e.value.at
		rest := *w.config
		rest.entries = append(append([]entry{}, w.config.entries[:i]...), w.config.entries[i+1:]...)
		w.config = &rest
		break
	}
	return w.action
}
