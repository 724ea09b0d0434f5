package plan

import (
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// maxPath is how many names of a cycle are written out.
const maxPath = 24

func duplicate(stage, step int, noun, name string, first int) Problem {
	where := "in the pipeline"
	if noun == "step" {
		where = "in the stage"
	}
	return Problem{Stage: stage, Step: step, Field: "name", Item: -1,
		Message:    fmt.Sprintf("%s %d %s is named %q too", noun, first+1, where, name),
		Suggestion: "give each its own name: other " + noun + "s and the logs refer to it"}
}

func itself(stage, step, item int, noun, name string) Problem {
	return Problem{Stage: stage, Step: step, Field: "depends_on", Item: item,
		Message:    fmt.Sprintf("%s %q depends on itself", noun, name),
		Suggestion: "remove it from depends_on"}
}

func (c *compiler) unknownStage(stage, item int, name string) Problem {
	known := make([]string, 0, len(c.spec.Stages))
	for i := range c.spec.Stages {
		if i != stage {
			known = append(known, c.spec.Stages[i].Name)
		}
	}
	return Problem{Stage: stage, Step: -1, Field: "depends_on", Item: item,
		Message: fmt.Sprintf("there is no stage %q", name), Suggestion: didYouMean(name, known, "stages")}
}

// unknownStep looks for a near name among the steps of the stage that was meant:
// the one before the slash where there is such a one, else the step's own.
func (c *compiler) unknownStep(node *Node, item int, name string) Problem {
	p := Problem{Stage: node.Stage, Step: node.StepIndex, Field: "depends_on", Item: item}
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		if other, found := c.stages[name[:i]]; found {
			p.Message = fmt.Sprintf("stage %q has no step %q", name[:i], name[i+1:])
			p.Suggestion = didYouMean(name[i+1:], c.stepNames(other, nil), "steps there")
			return p
		}
	}
	p.Message = fmt.Sprintf("stage %q has no step %q", c.spec.Stages[node.Stage].Name, name)
	for i := range c.spec.Stages {
		if _, found := c.steps[i][name]; found {
			p.Suggestion = fmt.Sprintf("write %q: a step of another stage is named with its stage", c.spec.Stages[i].Name+"/"+name)
			return p
		}
	}
	p.Suggestion = didYouMean(name, c.stepNames(node.Stage, node.Step), "other steps of the stage")
	return p
}

func (c *compiler) stepNames(stage int, but *core.Step) []string {
	steps := c.spec.Stages[stage].Steps
	names := make([]string, 0, len(steps))
	for j := range steps {
		if &steps[j] != but {
			names = append(names, steps[j].Name)
		}
	}
	return names
}

// didYouMean names the nearest known word, or some known ones when none is near.
func didYouMean(word string, known []string, noun string) string {
	if best := core.Nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	const some = 8
	switch {
	case len(known) == 0:
		return "there are no " + noun
	case len(known) > some:
		return noun + ": " + strings.Join(known[:some], ", ") + ", …"
	default:
		return noun + ": " + strings.Join(known, ", ")
	}
}

// joinPath writes a cycle, the middle left out when it is very long.
func joinPath(names []string) string {
	if len(names) > maxPath {
		cut := len(names) - maxPath
		head, tail := names[:maxPath/2], names[len(names)-maxPath/2:]
		return fmt.Sprintf("%s -> … (%d more) … -> %s", strings.Join(head, " -> "), cut, strings.Join(tail, " -> "))
	}
	return strings.Join(names, " -> ")
}
