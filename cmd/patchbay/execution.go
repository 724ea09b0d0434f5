package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newExecutionCommand() *cobra.Command {
	command := &cobra.Command{Use: "execution", Short: "Executions of a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.newExecutionListCommand(),
		a.remoteCommand("get ID", "One execution with its steps", 1, a.getExecution),
		a.newLogsCommand(),
		a.remoteCommand("cancel ID", "Stop an execution", 1, a.cancelExecution),
		a.newRetryCommand(), a.newApproveCommand(), a.newArtifactsCommand(), a.newNotificationsCommand())
	return command
}

func (a *app) newExecutionListCommand() *cobra.Command {
	var pipeline, status, after string
	var limit int
	command := a.remoteCommand("list", "Executions, newest first", 0, func(ctx context.Context, r *remote, _ []string) error {
		params := client.ListExecutionsParams{PipelineId: given(pipeline), Limit: given(limit), After: given(after), Status: given(client.Status(status))}
		data, err := r.read(r.api.ListExecutions(ctx, &params))
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.Execution) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "ID\tPIPELINE\tNUMBER\tSTATUS\tCREATED\tDURATION\tBRANCH")
			for _, e := range list {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", e.Id, e.PipelineName, e.Number, e.Status, when(&e.CreatedAt),
					howLong(e.Duration), text(e.TriggerInfo.Branch))
			}
		})
	})
	flags := command.Flags()
	flags.StringVar(&pipeline, "pipeline", "", "only those of the pipeline with this ID")
	flags.StringVar(&status, "status", "", "only those with this status")
	pageFlags(command, &limit, &after)
	return command
}

func howLong(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return fmt.Sprintf("%.1fs", *seconds)
}

func (a *app) getExecution(ctx context.Context, r *remote, args []string) error {
	data, err := r.read(r.api.GetExecution(ctx, args[0]))
	if err != nil {
		return err
	}
	return show(a, data, func(e client.Execution) { a.printExecution(e) })
}

func (a *app) printExecution(e client.Execution) {
	fmt.Fprintf(a.stdout, "Execution: %s\nPipeline:  %s, build %d, revision %d\nStatus:    %s", e.Id, e.PipelineName, e.Number, e.Revision, e.Status)
	if reason := text(e.Reason); reason != "" {
		fmt.Fprintf(a.stdout, " (%s)", reason)
	}
	fmt.Fprintf(a.stdout, "\nTrigger:   %s by %s\nStarted:   %s\nFinished:  %s\n", e.TriggerInfo.TriggerType, text(e.TriggerInfo.TriggeredBy),
		when(e.StartedAt), when(e.FinishedAt))
	if e.Retry != nil {
		fmt.Fprintf(a.stdout, "Repeats:   %s (%s)\n", e.Retry.Of, strings.TrimSpace(string(e.Retry.Mode)+" "+text(e.Retry.Step)))
	}
	if e.Params != nil {
		for _, name := range slices.Sorted(maps.Keys(*e.Params)) {
			fmt.Fprintf(a.stdout, "Parameter: %s=%s\n", name, (*e.Params)[name])
		}
	}
	a.printSteps(e)
	a.printHooks(e)
}

func (a *app) printSteps(e client.Execution) {
	fmt.Fprintln(a.stdout)
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "STAGE\tSTEP\tSTATUS\tDURATION\tREASON")
	if e.Stages == nil {
		return
	}
	for _, stage := range *e.Stages {
		for _, step := range stage.Steps {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", stage.Name, step.Name, statusWords(step), howLong(step.Duration), stepReason(step))
		}
	}
}

// statusWords are a step's status and what is special about it.
func statusWords(step client.Step) string {
	switch {
	case step.Allowed != nil && *step.Allowed:
		return string(step.Status) + " (allowed)"
	case step.Reused != nil && *step.Reused:
		return string(step.Status) + " (taken over)"
	default:
		return string(step.Status)
	}
}

// stepReason is why a step is as it is; of an approval, the question or who answered.
func stepReason(step client.Step) string {
	reason := text(step.Reason)
	if approval := step.Approval; approval != nil && reason == "" {
		switch {
		case approval.Approved == nil && step.Status == client.StatusWaiting:
			reason = strings.TrimSpace("waits for an approval: " + text(approval.Message))
		case approval.Approved != nil && *approval.Approved:
			reason = strings.TrimSpace("approved by " + text(approval.By) + " " + text(approval.Comment))
		}
	}
	return strings.ReplaceAll(reason, "\n", " ")
}

func (a *app) cancelExecution(ctx context.Context, r *remote, args []string) error {
	data, err := r.read(r.api.CancelExecution(ctx, args[0]))
	if err != nil {
		return err
	}
	return show(a, data, func(answer client.Accepted) { fmt.Fprintln(a.stdout, answer.Message) })
}

// logFlags narrow a log.
type logFlags struct{ stage, step, stream string }

func (a *app) newLogsCommand() *cobra.Command {
	var f logFlags
	var follow bool
	command := a.remoteCommand("logs ID", "What the steps of an execution said", 1, func(ctx context.Context, r *remote, args []string) error {
		if follow {
			return a.followExecution(ctx, r, args[0], f)
		}
		params := client.GetLogsParams{Stage: given(f.stage), Step: given(f.step), Stream: given(client.GetLogsParamsStream(f.stream))}
		body, err := r.stream(r.api.GetLogs(ctx, args[0], &params))
		if err != nil {
			return err
		}
		defer body.Close()
		if _, err := io.Copy(a.stdout, body); err != nil {
			return &exitError{exitFailed, fmt.Errorf("the log broke off: %w", err)}
		}
		return nil
	})
	flags := command.Flags()
	flags.BoolVarP(&follow, "follow", "f", false, "go on until the execution ends; exit code 1 when it does not succeed")
	flags.StringVar(&f.stage, "stage", "", "only this stage")
	flags.StringVar(&f.step, "step", "", "only this step")
	flags.StringVar(&f.stream, "stream", "", "only stdout, stderr or system")
	return command
}
