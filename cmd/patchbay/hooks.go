package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/client"
)

// hookJSON is what `run -o json` says about a hook of a step.
type hookJSON struct {
	Phase    core.HookPhase `json:"phase"`
	Name     string         `json:"name,omitempty"`
	Status   core.Status    `json:"status"`
	Allowed  bool           `json:"allowed,omitempty"`
	Message  string         `json:"message,omitempty"`
	ExitCode *int           `json:"exit_code,omitempty"`
	Duration float64        `json:"duration"`
	Stdout   string         `json:"stdout"`
	Stderr   string         `json:"stderr"`
}

func hooksJSON(s *core.StepRun, kept *tails) []hookJSON {
	var list []hookJSON
	for _, h := range s.Hooks {
		a := &h.Attempt
		hook := hookJSON{Phase: h.Phase, Name: h.Name, Status: a.Status, Allowed: h.Allowed, Message: a.Message,
			ExitCode: a.ExitCode, Duration: seconds(&a.StartedAt, a.FinishedAt)}
		if !h.Phase.OfConnector() {
			hook.Stdout, hook.Stderr = kept.ofHook(s.Index, a.Number)
		}
		list = append(list, hook)
	}
	return list
}

// printHooks shows the hooks of all steps, if there were any.
func (a *app) printHooks(e client.Execution) {
	if e.Stages == nil {
		return
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	none := true
	for _, stage := range *e.Stages {
		for _, step := range stage.Steps {
			if step.Hooks == nil {
				continue
			}
			if none {
				fmt.Fprintln(table, "\nSTAGE\tSTEP\tHOOK\tCONNECTOR\tSTATUS\tDURATION\tREASON")
				none = false
			}
			for _, hook := range *step.Hooks {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", stage.Name, step.Name, hookLabel(hook), hook.Connector,
					hookStatus(hook), howLong(hook.Duration), strings.ReplaceAll(text(hook.Message), "\n", " "))
			}
		}
	}
}

func hookLabel(hook client.StepHook) string {
	return strings.TrimSuffix(string(hook.Phase)+"/"+text(hook.Name), "/")
}

func hookStatus(hook client.StepHook) string {
	if hook.Allowed != nil && *hook.Allowed {
		return string(hook.Status) + " (allowed)"
	}
	return string(hook.Status)
}
