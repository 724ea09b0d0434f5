package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newNotificationsCommand() *cobra.Command {
	var retry string
	command := a.remoteCommand("notifications ID", "Who was told of an execution, and what came of it", 1,
		func(ctx context.Context, r *remote, args []string) error {
			if retry != "" {
				data, err := r.read(r.api.RetryNotification(ctx, args[0], retry))
				if err != nil {
					return err
				}
				return show(a, data, func(n client.Notification) { fmt.Fprintf(a.stdout, "%s will be sent now\n", n.Id) })
			}
			data, err := r.read(r.api.ListNotifications(ctx, args[0]))
			if err != nil {
				return err
			}
			return show(a, data, a.printNotifications)
		})
	command.Flags().StringVar(&retry, "retry", "", "send the notification with this ID now")
	return command
}

func (a *app) printNotifications(list []client.Notification) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "EVENT\tTYPE\tTARGET\tSTATE\tTRIES\tNEXT OR SENT\tID\tERROR")
	for _, n := range list {
		at := n.NextAt
		if n.SentAt != nil {
			at = n.SentAt
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", n.Event, n.TargetType, n.Target, n.State, n.Attempts, when(at), n.Id,
			strings.ReplaceAll(text(n.LastError), "\n", " "))
	}
}
