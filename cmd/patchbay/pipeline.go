package main

import (
	"bytes"
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newPipelineCommand() *cobra.Command {
	command := &cobra.Command{Use: "pipeline", Short: "Pipelines of a server (PATCHBAY_URL, PATCHBAY_TOKEN)"}
	command.AddCommand(
		a.remoteCommand("create FILE", "Create a pipeline; FILE may be -", 1, a.createPipeline),
		a.remoteCommand("update ID FILE", "Give a pipeline another text, as a new revision", 2, a.updatePipeline),
		a.remoteCommand("delete ID", "Delete a pipeline; its executions stay", 1, a.deletePipeline),
		a.newPipelineListCommand(), a.newPipelineGetCommand(), a.newTriggerCommand(),
		a.remoteCommand("versions ID", "The revisions of a pipeline", 1, a.listVersions),
		a.newDiffCommand(),
		a.remoteCommand("restore ID N", "Give a pipeline the text of revision N again, as a new one", 2, a.restoreVersion),
	)
	return command
}

// remoteCommand makes a command that needs a server and nothing but arguments.
func (a *app) remoteCommand(use, short string, arguments int, run func(context.Context, *remote, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(arguments),
		RunE: func(command *cobra.Command, args []string) error {
			r, err := a.newRemote()
			if err != nil {
				return err
			}
			return run(command.Context(), r, args)
		}}
}

const yamlType = "application/yaml"

func (a *app) createPipeline(ctx context.Context, r *remote, args []string) error {
	source, err := a.readFile(args[0])
	if err != nil {
		return &exitError{exitUsage, err}
	}
	data, err := r.read(r.api.CreatePipelineWithBody(ctx, yamlType, bytes.NewReader(source)))
	if err != nil {
		return invalidFile(err)
	}
	return show(a, data, func(p client.Pipeline) {
		a.printWarnings(p)
		fmt.Fprintf(a.stdout, "Created pipeline %s: %s\n", p.Name, p.Id)
	})
}

func (a *app) updatePipeline(ctx context.Context, r *remote, args []string) error {
	source, err := a.readFile(args[1])
	if err != nil {
		return &exitError{exitUsage, err}
	}
	data, err := r.read(r.api.UpdatePipelineWithBody(ctx, args[0], nil, yamlType, bytes.NewReader(source)))
	if err != nil {
		return invalidFile(err)
	}
	return show(a, data, func(p client.Pipeline) {
		a.printWarnings(p)
		fmt.Fprintf(a.stdout, "Pipeline %s is at revision %d\n", p.Name, p.Revision)
	})
}

func (a *app) printWarnings(p client.Pipeline) {
	if p.Warnings == nil {
		return
	}
	for _, d := range *p.Warnings {
		fmt.Fprintf(a.stderr, "%d:%d: %s: %s\n", d.Line, d.Column, d.Severity, d.Message)
	}
}

func (a *app) deletePipeline(ctx context.Context, r *remote, args []string) error {
	if _, err := r.read(r.api.DeletePipeline(ctx, args[0])); err != nil {
		return err
	}
	if a.output == "text" {
		fmt.Fprintf(a.stdout, "Deleted pipeline %s\n", args[0])
	}
	return nil
}

func (a *app) newPipelineListCommand() *cobra.Command {
	var params client.ListPipelinesParams
	var limit int
	var after string
	command := a.remoteCommand("list", "Pipelines, newest first", 0, func(ctx context.Context, r *remote, _ []string) error {
		params.Limit, params.After = given(limit), given(after)
		data, err := r.read(r.api.ListPipelines(ctx, &params))
		if err != nil {
			return err
		}
		return show(a, data, func(list []client.Pipeline) {
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			defer table.Flush()
			fmt.Fprintln(table, "ID\tNAME\tREVISION\tUPDATED\tDESCRIPTION")
			for _, p := range list {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", p.Id, p.Name, p.Revision, when(&p.UpdatedAt), p.Description)
			}
		})
	})
	pageFlags(command, &limit, &after)
	return command
}

// pageFlags are those of every list.
func pageFlags(command *cobra.Command, limit *int, after *string) {
	command.Flags().IntVar(limit, "limit", 0, "how many at the most (default 50)")
	command.Flags().StringVar(after, "after", "", "go on after the item with this ID")
}

// given is how the generated types say that a parameter is there.
func given[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

func (a *app) newPipelineGetCommand() *cobra.Command {
	var yaml bool
	command := a.remoteCommand("get ID", "One pipeline", 1, func(ctx context.Context, r *remote, args []string) error {
		if yaml {
			data, err := r.read(r.api.GetPipelineYaml(ctx, args[0]))
			if err == nil {
				_, err = a.stdout.Write(data)
			}
			return err
		}
		data, err := r.read(r.api.GetPipeline(ctx, args[0]))
		if err != nil {
			return err
		}
		return show(a, data, func(p client.Pipeline) {
			fmt.Fprintf(a.stdout, "ID:          %s\nName:        %s\nDescription: %s\nRevision:    %d\nCreated:     %s\nUpdated:     %s\n",
				p.Id, p.Name, p.Description, p.Revision, when(&p.CreatedAt), when(&p.UpdatedAt))
		})
	})
	command.Flags().BoolVar(&yaml, "yaml", false, "print its text as it was given")
	return command
}

func (a *app) newTriggerCommand() *cobra.Command {
	var f runFlags
	var params paramFlags
	var priority int
	var changed, secret []string
	var follow bool
	command := a.remoteCommand("trigger ID", "Run a pipeline", 1, func(ctx context.Context, r *remote, args []string) error {
		request, err := f.trigger()
		if err != nil {
			return &exitError{exitUsage, err}
		}
		kind := client.TriggerRequestTriggerType(request.Info.Type)
		body := client.TriggerRequest{TriggerType: &kind, Branch: given(f.branch), Tag: given(f.tag), CommitHash: given(f.commit),
			Repository: given(f.repository), Environment: &request.Environment, Priority: given(priority)}
		if len(changed) > 0 {
			body.ChangedPaths = &changed
		}
		if body.Params, err = params.params(); err != nil {
			return err
		}
		if body.SecretEnvironment, err = a.secretEnvironment(secret); err != nil {
			return err
		}
		data, err := r.read(r.api.TriggerPipeline(ctx, args[0], body))
		if err != nil {
			return err
		}
		return a.showCreated(ctx, r, data, follow)
	})
	flags := command.Flags()
	f.addTriggerFlags(flags)
	params.add(flags)
	flags.IntVar(&priority, "priority", 0, "-100 to 100, added to the pipeline's; the higher goes first")
	flags.StringArrayVar(&changed, "changed", nil, "a file that changed, for when: paths; may be repeated")
	flags.StringArrayVar(&secret, "secret-env", nil, "the name of a variable whose value, taken from this command's environment, is kept secret; may be repeated")
	flags.BoolVarP(&follow, "follow", "f", false, "show what the steps say; exit code 1 when the execution does not succeed")
	flags.BoolVar(&follow, "wait", false, "the same as --follow")
	return command
}
