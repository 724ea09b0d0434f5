package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newAuditCommand() *cobra.Command {
	command := &cobra.Command{Use: "audit", Short: "Who did what on a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.newAuditListCommand())
	return command
}

func (a *app) newAuditListCommand() *cobra.Command {
	var who, action, target, after string
	var limit int
	command := a.remoteCommand("list", "What was done and what was refused, newest first", 0, func(ctx context.Context, r *remote, _ []string) error {
		data, err := r.read(r.api.ListAudit(ctx, &client.ListAuditParams{Who: given(who), Action: given(action), Target: given(target), Limit: given(limit), After: given(after)}))
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.AuditEntry) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "TIME\tWHO\tACTION\tTARGET\tOUTCOME\tADDRESS\tREQUEST")
			for _, e := range list {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", when(&e.At), text(e.Who), e.Action, text(e.Target), e.Outcome, text(e.Address), text(e.RequestId))
			}
		})
	})
	f := command.Flags()
	f.StringVar(&who, "who", "", "only by the user of this name")
	f.StringVar(&action, "action", "", "only this operation, as in deletePipeline")
	f.StringVar(&target, "target", "", "only what was done to this")
	pageFlags(command, &limit, &after)
	return command
}
