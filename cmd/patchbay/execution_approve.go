package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newApproveCommand() *cobra.Command {
	var stage, comment string
	var reject bool
	command := a.remoteCommand("approve ID [STEP]", "Answer an approval that an execution waits for", 0,
		func(ctx context.Context, r *remote, args []string) error {
			approved := !reject
			body := client.ApproveRequest{Approved: &approved, Stage: given(stage), Comment: given(comment)}
			if len(args) > 1 {
				body.Step = given(args[1])
			}
			data, err := r.read(r.api.ApproveExecution(ctx, args[0], nil, body))
			if err != nil {
				return err
			}
			return show(a, data, func(answer client.Accepted) { fmt.Fprintln(a.stdout, answer.Message) })
		})
	command.Args = cobra.RangeArgs(1, 2)
	flags := command.Flags()
	flags.StringVar(&stage, "stage", "", "the stage that waits, or the step's")
	flags.BoolVar(&reject, "reject", false, "say no")
	flags.StringVar(&comment, "comment", "", "why; shown with the decision")
	return command
}
