package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newArtifactsCommand() *cobra.Command {
	var folder, name string
	command := a.remoteCommand("artifacts ID", "The files that an execution left", 1, func(ctx context.Context, r *remote, args []string) error {
		if name != "" && folder == "" {
			return &exitError{exitUsage, errors.New("--name needs --download")}
		}
		data, err := r.readList(func(after *string) (*http.Response, error) {
			return r.api.ListArtifacts(ctx, args[0], &client.ListArtifactsParams{After: after})
		})
		if err != nil {
			return err
		}
		if folder == "" {
			return show(a, data, a.printArtifacts)
		}
		var list []client.Artifact
		if err := json.Unmarshal(data, &list); err != nil {
			return &exitError{exitFailed, fmt.Errorf("the server's answer cannot be read: %w", err)}
		}
		return a.downloadArtifacts(ctx, r, list, folder, name)
	})
	flags := command.Flags()
	flags.StringVar(&folder, "download", "", "save the files in this folder, each artifact in one of its own")
	flags.StringVar(&name, "name", "", "download only the artifact of this name, into the folder itself")
	return command
}

func (a *app) printArtifacts(list []client.Artifact) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "NAME\tSTAGE\tSTEP\tFILES\tBYTES\tEXPIRES\tID")
	for _, artifact := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", artifact.Name, text(artifact.Stage), text(artifact.Step), artifact.FileCount,
			artifact.Size, when(&artifact.ExpiresAt), artifact.Id)
	}
}

// downloadArtifacts saves all artifacts, or the one of a name.
func (a *app) downloadArtifacts(ctx context.Context, r *remote, list []client.Artifact, folder, name string) error {
	saved := make([]client.Artifact, 0, len(list))
	for _, listed := range list {
		if name != "" && listed.Name != name {
			continue
		}
		data, err := r.read(r.api.GetArtifact(ctx, listed.Id))
		if err != nil {
			return err
		}
		var artifact client.Artifact
		if err := json.Unmarshal(data, &artifact); err != nil || artifact.Files == nil {
			return &exitError{exitFailed, fmt.Errorf("the server's answer cannot be read: %w", errors.Join(err, errors.New("an artifact without files")))}
		}
		below := artifact.Name
		if name != "" {
			below = "."
		}
		if err := r.saveArtifact(ctx, artifact, folder, below); err != nil {
			return &exitError{exitFailed, fmt.Errorf("artifact %s: %w", artifact.Name, err)}
		}
		saved = append(saved, artifact)
		if a.output == "text" {
			fmt.Fprintf(a.stdout, "Saved artifact %s: %d files, %d bytes\n", artifact.Name, len(*artifact.Files), artifact.Size)
		}
	}
	if name != "" && len(saved) == 0 {
		return &exitError{exitFailed, fmt.Errorf("the execution has no artifact %q", name)}
	}
	if a.output == "json" {
		return a.printJSON(saved)
	}
	return nil
}
