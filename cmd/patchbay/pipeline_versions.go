package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) listVersions(ctx context.Context, r *remote, args []string) error {
	data, err := r.readList(func(after *string) (*http.Response, error) {
		return r.api.ListVersions(ctx, args[0], &client.ListVersionsParams{After: after})
	})
	if err != nil {
		return err
	}
	return show(a, data, func(list []client.Version) {
		table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		defer table.Flush()
		fmt.Fprintln(table, "REVISION\tCREATED")
		for _, v := range list {
			fmt.Fprintf(table, "%d\t%s\n", v.Number, when(&v.CreatedAt))
		}
	})
}

// revisionOf reads the number of a revision.
func revisionOf(argument string) (int, error) {
	number, err := strconv.Atoi(argument)
	if err != nil || number < 1 {
		return 0, &exitError{exitUsage, fmt.Errorf("%q is not the number of a revision", argument)}
	}
	return number, nil
}

func (a *app) newDiffCommand() *cobra.Command {
	command := a.remoteCommand("diff ID N [M]", "What changed from revision N to M, or to the current one", 0, a.diffVersions)
	command.Args = cobra.RangeArgs(2, 3)
	return command
}

func (a *app) diffVersions(ctx context.Context, r *remote, args []string) error {
	from, err := revisionOf(args[1])
	if err != nil {
		return err
	}
	var params client.DiffVersionParams
	if len(args) > 2 {
		to, err := revisionOf(args[2])
		if err != nil {
			return err
		}
		params.To = &to
	}
	data, err := r.read(r.api.DiffVersion(ctx, args[0], from, &params))
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(struct {
			From int    `json:"from"`
			To   *int   `json:"to,omitempty"`
			Diff string `json:"diff"`
		}{from, params.To, string(data)})
	}
	_, err = a.stdout.Write(data)
	return err
}

func (a *app) restoreVersion(ctx context.Context, r *remote, args []string) error {
	number, err := revisionOf(args[1])
	if err != nil {
		return err
	}
	data, err := r.read(r.api.RestoreVersion(ctx, args[0], number, nil))
	if err != nil {
		return invalidFile(err)
	}
	return show(a, data, func(p client.Pipeline) {
		a.printWarnings(p)
		fmt.Fprintf(a.stdout, "Pipeline %s is at revision %d, with the text of %d\n", p.Name, p.Revision, number)
	})
}
