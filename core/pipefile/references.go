package pipefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// referenceChecker checks what the expressions of a document refer to.
type referenceChecker struct {
	*decoder
	spec   *core.Spec
	params []string
	order  *order
}

// checkReferences checks all uses. The plan is nil when there is none; then nobody
// can say which step ends before which.
func (d *decoder) checkReferences(spec *core.Spec, compiled *plan.Plan) {
	if len(d.uses) == 0 {
		return
	}
	c := &referenceChecker{decoder: d, spec: spec, order: newOrder(spec, compiled)}
	for i := range spec.Params {
		c.params = append(c.params, spec.Params[i].Name)
	}
	for i := range d.uses {
		u := &d.uses[i]
		for _, r := range u.references {
			if len(d.list) >= maxKept {
				return
			}
			c.check(u, r)
		}
	}
}

func (c *referenceChecker) check(u *use, r condition.Reference) {
	if u.usage == inMessage || u.usage == inCredential {
		c.notification(u, r)
		return
	}
	switch r.Kind {
	case "params":
		c.param(u, r)
	case "matrix":
		c.matrix(u, r)
	case "secrets":
		c.secret(u, r)
	case "steps":
		c.output(u, r)
	case "hash":
		if u.usage == inGroup {
			c.error(c.at(u, r), r.Name+"() cannot be used in the name of a group: it is needed before there are files", "use branch, params or an output of a step")
		}
	}
}

// notification: what is known of a run without its steps, and secrets only where they
// are credentials.
func (c *referenceChecker) notification(u *use, r condition.Reference) {
	switch {
	case r.Kind == "params":
		c.param(u, r)
	case r.Kind == "secrets" && u.usage == inMessage:
		c.error(c.at(u, r), "a secret cannot be part of a message: it is shown to everybody who gets it", "secrets are for webhook_url, webhook_secret and slack_token")
	case r.Kind == "matrix" || r.Kind == "steps" || r.Kind == "hash":
		c.error(c.at(u, r), r.Kind+" is not known in a notification", "use branch, commit, params, or a variable such as ${CI_STATUS}")
	}
}

func (c *referenceChecker) param(u *use, r condition.Reference) {
	switch {
	case contains(c.params, r.Name) || c.broken["params"]:
	case len(c.params) == 0:
		c.error(c.at(u, r), "the pipeline has no params", "declare it: params: {"+short(r.Name)+": <default>}")
	default:
		c.error(c.at(u, r), fmt.Sprintf("there is no param %q", short(r.Name)), suggest(r.Name, c.params, "params"))
	}
}

func (c *referenceChecker) matrix(u *use, r condition.Reference) {
	if u.stage < 0 || u.usage == inGroup {
		c.error(c.at(u, r), "matrix has values only within the steps of a stage with a matrix", "use it in a step")
		return
	}
	if c.broken[matrixOf(u.stage)] {
		return
	}
	m := c.spec.Stages[u.stage].Matrix
	if m == nil {
		c.error(c.at(u, r), fmt.Sprintf("stage %q has no matrix", short(c.spec.Stages[u.stage].Name)), "add matrix: {"+short(r.Name)+": [ … ]} to the stage")
		return
	}
	var names []string
	for _, axis := range m.Axes {
		names = append(names, axis.Name)
	}
	for _, entry := range m.Include {
		for name := range entry {
			if !contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	if !contains(names, r.Name) {
		c.error(c.at(u, r), fmt.Sprintf("the matrix of stage %q has no %q", short(c.spec.Stages[u.stage].Name), short(r.Name)), suggest(r.Name, names, "it has"))
	}
}

// secret: only the config and the environment of a step may have one, and only
// one that the step names. Scripts get secrets as variables.
func (c *referenceChecker) secret(u *use, r condition.Reference) {
	switch {
	case u.usage == inScript:
		c.error(c.at(u, r), "a secret is never put into a script", "name it under secrets of the step, which then gets it as a variable: \"$"+short(r.Name)+"\"")
	case u.usage == inFiles || u.usage == inGroup:
		c.error(c.at(u, r), "a secret cannot be part of a name or a path: these are shown to everybody", "use it in the config or the environment of a step")
	case u.step < 0:
		c.error(c.at(u, r), "only a step that names a secret gets it", "move this into the step, and name the secret there: secrets: ["+short(r.Name)+"]")
	default:
		named, who := c.spec.Stages[u.stage].Steps[u.step].Secrets, "step"
		if u.hook != nil {
			named, who = u.hook.secrets, "hook"
		}
		if contains(named, r.Name) {
			return
		}
		suggestion := "add it to the " + who + ": secrets: [" + strings.Join(append(slices.Clone(named), short(r.Name)), ", ") + "]"
		if best := core.Nearest(r.Name, named); best != "" {
			suggestion = "did you mean " + best + "?"
		}
		c.error(c.at(u, r), fmt.Sprintf("the %s does not name the secret %s", who, short(r.Name)), suggestion)
	}
}

// output: the step must exist, have ended by then, and not be known to have no such
// output.
func (c *referenceChecker) output(u *use, r condition.Reference) {
	at := c.at(u, r)
	found := c.order.find(u.stage, r.Name)
	switch {
	case len(found) == 0:
		c.error(at, fmt.Sprintf("there is no step %q", short(r.Name)), suggest(r.Name, c.order.names(u.stage), "steps"))
		return
	case len(found) > 1:
		c.error(at, fmt.Sprintf("%d stages have a step %q", len(found), short(r.Name)),
			fmt.Sprintf("write steps[%q]", c.order.path(found[0])))
		return
	case found[0] == stepRef{u.stage, u.step} && u.hook != nil && u.hook.after: // it has ended
	case found[0] == stepRef{u.stage, u.step}:
		c.error(at, "a step cannot use its own outputs: they are known when it has ended", "")
		return
	case !c.order.before(stepRef{u.stage, u.step}, found[0]):
		c.notBefore(u, at, found[0])
		return
	}
	of := &c.spec.Stages[found[0].stage].Steps[found[0].step]
	declared := c.outputsOf(of)
	if len(declared) > 0 && !contains(declared, r.Output) {
		c.error(at, fmt.Sprintf("step %q has no output %q", short(of.Name), short(r.Output)), suggest(r.Output, declared, "outputs"))
		return
	}
	if found[0].stage != u.stage && c.spec.Stages[found[0].stage].Matrix != nil {
		c.warn(at, fmt.Sprintf("step %q runs once for each combination of its stage; this is the output of the one that ends last", short(of.Name)), "")
	}
}

func (c *referenceChecker) notBefore(u *use, at position, of stepRef) {
	path := c.order.path(of)
	switch {
	case u.stage < 0:
		c.error(at, fmt.Sprintf("step %q has not ended when this is evaluated: it is needed before the first step", short(path)), "use the output in a later step")
	case u.step < 0:
		c.error(at, fmt.Sprintf("step %q need not have ended when the stage begins", short(path)),
			fmt.Sprintf("add depends_on: [%s] to the stage, or use the output in a step", short(c.spec.Stages[of.stage].Name)))
	default:
		if of.stage == u.stage {
			path = c.spec.Stages[of.stage].Steps[of.step].Name
		}
		c.error(at, fmt.Sprintf("step %q need not have ended when this one begins", short(path)), fmt.Sprintf("add depends_on: [%s] to this step", short(path)))
	}
}

// outputsOf returns the declared outputs of a step: its own and its connector's.
func (c *referenceChecker) outputsOf(step *core.Step) []string {
	var names []string
	for _, o := range step.Outputs {
		names = append(names, o.Name)
	}
	if info := c.connectors[step.Connector]; info != nil {
		if action := info.Action(step.Action); action != nil {
			for _, o := range action.Outputs {
				names = append(names, o.Name)
			}
		}
	}
	return names
}
