package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newServiceCommand() *cobra.Command {
	command := &cobra.Command{Use: "service", Short: "What was deployed and runs on (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(
		a.remoteCommand("list", "List all services", 0, func(ctx context.Context, r *remote, _ []string) error {
			data, err := r.read(r.api.ListServices(ctx))
			if err != nil {
				return err
			}
			return show(a, data, a.printServices)
		}),
		a.remoteCommand("get NAME", "Show a service and its deployments", 1, a.getService),
		a.newRollbackCommand(),
		a.remoteCommand("stop NAME", "Stop what is live", 1, func(ctx context.Context, r *remote, args []string) error {
			data, err := r.read(r.api.StopService(ctx, args[0]))
			if err != nil {
				return err
			}
			return show(a, data, func(s client.Service) { fmt.Fprintf(a.stdout, "%s is %s\n", s.Name, s.State) })
		}),
		a.remoteCommand("start NAME", "Start what was live last", 1, func(ctx context.Context, r *remote, args []string) error {
			data, err := r.read(r.api.StartService(ctx, args[0]))
			if err != nil {
				return err
			}
			return show(a, data, a.printBegun)
		}),
		a.newServiceLogsCommand(),
		a.remoteCommand("ports", "List which service has which port", 0, func(ctx context.Context, r *remote, _ []string) error {
			data, err := r.read(r.api.ListServicePorts(ctx))
			if err != nil {
				return err
			}
			return show(a, data, a.printPorts)
		}))
	return command
}

// getService shows a service with its newest deployments; as JSON it is the service alone.
func (a *app) getService(ctx context.Context, r *remote, args []string) error {
	data, err := r.read(r.api.GetService(ctx, args[0]))
	if err != nil {
		return err
	}
	if err := show(a, data, a.printService); err != nil || a.output == "json" {
		return err
	}
	limit := 10
	data, err = r.read(r.api.ListServiceDeployments(ctx, args[0], &client.ListServiceDeploymentsParams{Limit: &limit}))
	if err != nil {
		return err
	}
	return show(a, data, a.printDeployments)
}

func (a *app) newRollbackCommand() *cobra.Command {
	var to string
	command := a.remoteCommand("rollback NAME", "Go back to the release that was live before, or to that of a deployment", 1,
		func(ctx context.Context, r *remote, args []string) error {
			data, err := r.read(r.api.RollbackService(ctx, args[0], &client.RollbackServiceParams{To: given(to)}))
			if err != nil {
				return err
			}
			return show(a, data, a.printBegun)
		})
	command.Flags().StringVar(&to, "to", "", "ID of the deployment whose release is to be live again")
	return command
}

func (a *app) newServiceLogsCommand() *cobra.Command {
	var deployment string
	var follow bool
	var tail int
	command := a.remoteCommand("logs NAME", "Print what a service printed", 1, func(ctx context.Context, r *remote, args []string) error {
		body, err := r.stream(r.api.GetServiceLogs(ctx, args[0], &client.GetServiceLogsParams{Deployment: given(deployment), Tail: &tail, Follow: &follow}))
		if err != nil {
			return err
		}
		defer body.Close()
		if _, err := io.Copy(a.stdout, body); err != nil && ctx.Err() == nil {
			return &exitError{exitFailed, fmt.Errorf("the logs of %s broke off: %w", r.url, err)}
		}
		return nil
	})
	command.Flags().StringVar(&deployment, "deployment", "", "of this deployment, not of the one at work or live")
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	command.Flags().IntVar(&tail, "tail", 0, "only the last lines; 0 is all that are kept")
	return command
}

func (a *app) printBegun(d client.Deployment) {
	fmt.Fprintf(a.stdout, "deployment %s of %s %s has begun; see: patchbay service get %s\n", d.Id, d.Service, text(d.Version), d.Service)
}

func (a *app) printServices(list []client.Service) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "NAME\tVERSION\tSTATE\tHEALTH\tENDPOINT\tNODE\tCHANGED")
	for _, s := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, text(s.Version), s.State, s.Health, text(s.Endpoint), s.Node, when(&s.ChangedAt))
	}
}

func (a *app) printService(s client.Service) {
	fmt.Fprintf(a.stdout, "%s %s is %s and %s on %s", s.Name, text(s.Version), s.State, s.Health, s.Node)
	if s.Endpoint != nil {
		fmt.Fprintf(a.stdout, ", at %s", *s.Endpoint)
	}
	fmt.Fprintln(a.stdout)
	if s.Message != nil {
		fmt.Fprintln(a.stdout, *s.Message)
	}
	fmt.Fprintln(a.stdout)
}

func (a *app) printDeployments(list []client.Deployment) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "DEPLOYMENT\tKIND\tVERSION\tSTATE\tCREATED\tBY\tMESSAGE")
	for _, d := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Id, d.Kind, text(d.Version), d.State, when(&d.CreatedAt), text(d.By), strings.ReplaceAll(text(d.Message), "\n", " "))
	}
}

func (a *app) printPorts(list []client.PortLease) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "PORT\tSERVICE\tNAME\tNODE\tFIXED\tDEPLOYMENT")
	for _, p := range list {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%t\t%s\n", p.Port, p.Service, p.Name, p.Node, p.Fixed, p.Deployment)
	}
}
