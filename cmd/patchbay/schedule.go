package main

import (
	"context"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newScheduleCommand() *cobra.Command {
	command := &cobra.Command{Use: "schedule", Short: "Schedules of a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.remoteCommand("list", "When pipelines run next, and when they last did", 0, a.listSchedules))
	return command
}

func (a *app) listSchedules(ctx context.Context, r *remote, _ []string) error {
	data, err := r.readList(func(after *string) (*http.Response, error) {
		return r.api.ListSchedules(ctx, &client.ListSchedulesParams{After: after})
	})
	if err != nil {
		return err
	}
	return show(a, data, func(list []client.Schedule) {
		table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		defer table.Flush()
		fmt.Fprintln(table, "PIPELINE\tCRON\tTIME ZONE\tNEXT\tLAST\tID")
		for _, s := range list {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.PipelineName, s.CronExpression, text(s.Timezone), when(s.Next), when(s.Last), s.PipelineId)
		}
	})
}
