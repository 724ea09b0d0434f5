package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newWebhookCommand() *cobra.Command {
	command := &cobra.Command{Use: "webhook", Short: "Deliveries of webhooks to a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(a.newDeliveryListCommand(), a.newDeliveryGetCommand(), a.newRedeliverCommand())
	return command
}

// deliveryListFlags narrow the list.
type deliveryListFlags struct {
	connector, status, after string
	limit                    int
}

func (a *app) newDeliveryListCommand() *cobra.Command {
	var f deliveryListFlags
	command := &cobra.Command{
		Use:   "list [PIPELINE]",
		Short: "Deliveries for a pipeline, or with --connector those to the address of a connector, newest first",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if (len(args) == 1) == (f.connector != "") {
				return &exitError{exitUsage, fmt.Errorf("name a pipeline by its ID, or a connector with --connector")}
			}
			r, err := a.newRemote()
			if err != nil {
				return err
			}
			data, err := f.list(command.Context(), r, args)
			if err != nil {
				return err
			}
			return show(a, data, a.printDeliveries)
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.connector, "connector", "", "those to /api/webhooks/CONNECTOR: github, gitlab, webhook, …")
	flags.StringVar(&f.status, "status", "", "received, triggered, ignored, refused or failed")
	flags.StringVar(&f.after, "after", "", "those before this one: the ID of the last that was shown")
	flags.IntVar(&f.limit, "limit", 20, "how many at the most")
	return command
}

func (f *deliveryListFlags) list(ctx context.Context, r *remote, args []string) ([]byte, error) {
	var status *client.DeliveryStatus
	if f.status != "" {
		wanted := client.DeliveryStatus(f.status)
		status = &wanted
	}
	if f.connector != "" {
		return r.read(r.api.ListConnectorDeliveries(ctx, f.connector,
			&client.ListConnectorDeliveriesParams{Status: status, Limit: &f.limit, After: optional(f.after)}))
	}
	return r.read(r.api.ListDeliveries(ctx, args[0], &client.ListDeliveriesParams{Status: status, Limit: &f.limit, After: optional(f.after)}))
}

func (a *app) printDeliveries(list []client.Delivery) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "ID\tRECEIVED\tFROM\tEVENT\tSTATUS\tREASON OR EXECUTIONS")
	for _, d := range list {
		outcome := text(d.Reason)
		if len(d.ExecutionIds) > 0 {
			outcome = strings.Join(d.ExecutionIds, " ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Id, when(&d.ReceivedAt), d.Connector, text(d.Event), d.Status, outcome)
	}
}

func (a *app) newDeliveryGetCommand() *cobra.Command {
	var payload bool
	command := a.remoteCommand("get PIPELINE DELIVERY", "One delivery: its headers, what came of it, and its body", 2,
		func(ctx context.Context, r *remote, args []string) error {
			if payload {
				data, err := r.read(r.api.GetDeliveryPayload(ctx, args[0], args[1]))
				if err == nil {
					_, err = a.stdout.Write(data)
				}
				return err
			}
			data, err := r.read(r.api.GetDelivery(ctx, args[0], args[1]))
			if err != nil {
				return err
			}
			return show(a, data, a.printDelivery)
		})
	command.Flags().BoolVar(&payload, "payload", false, "only the body, as it was sent")
	return command
}

func (a *app) printDelivery(d client.Delivery) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	row("Delivery", d.Id)
	row("Received", when(&d.ReceivedAt))
	row("From", d.Connector+" ("+d.SenderId+")")
	row("Event", text(d.Event))
	row("Status", string(d.Status))
	row("Reason", text(d.Reason))
	row("Executions", strings.Join(d.ExecutionIds, " "))
	row("Repository", text(d.Repository))
	row("Branch", text(d.Branch))
	row("Tag", text(d.Tag))
	row("Commit", text(d.CommitHash))
	row("Title", text(d.Title))
	row("Author", text(d.Author))
	row("Redelivery of", text(d.RedeliveryOf))
	row("Redelivered by", text(d.RedeliveredBy))
	row("Size", fmt.Sprintf("%d bytes", d.Size))
	_ = table.Flush() // what it writes to keeps its own errors
	fmt.Fprintln(a.stdout, "\nHeaders:")
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		fmt.Fprintf(a.stdout, "  %s: %s\n", name, d.Headers[name])
	}
	if d.Payload != nil {
		fmt.Fprintf(a.stdout, "\n%s\n", strings.TrimRight(*d.Payload, "\n"))
		if d.PayloadTruncated != nil && *d.PayloadTruncated {
			fmt.Fprintln(a.stderr, "patchbay: there is more of the body: --payload shows all of it")
		}
	}
}

func (a *app) newRedeliverCommand() *cobra.Command {
	return a.remoteCommand("redeliver PIPELINE DELIVERY", "Take a delivery as if it came again, with the triggers of now", 2,
		func(ctx context.Context, r *remote, args []string) error {
			data, err := r.read(r.api.Redeliver(ctx, args[0], args[1]))
			if err != nil {
				return err
			}
			return show(a, data, func(accepted client.DeliveryAccepted) {
				fmt.Fprintf(a.stdout, "Delivery %s: %s\n", accepted.DeliveryId, accepted.Message)
				if accepted.ExecutionId != nil {
					fmt.Fprintf(a.stdout, "Execution %s\n", *accepted.ExecutionId)
				}
			})
		})
}
