package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/detect"
)

// firstPipeline is the file that `patchbay init` writes.
const firstPipeline = "patchbay.yaml"

func (a *app) newInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first pipeline that fits the project in a folder",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if err := a.init(dir); err != nil {
				return &exitError{exitUsage, err}
			}
			return nil
		},
	}
}

// init writes the file; it never overwrites one.
func (a *app) init(dir string) error {
	projects, err := detect.Detect(os.DirFS(dir))
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, firstPipeline)
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: delete it first, or edit it", name)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(pipelineFor(filepath.Base(absolute), projects))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if a.output == "json" {
		if projects == nil {
			projects = []detect.Project{}
		}
		return a.printJSON(map[string]any{"file": name, "projects": projects})
	}
	kind := "nothing was recognised, so it only says hello"
	if len(projects) > 0 {
		kind = fmt.Sprintf("for a %s project (%s)", projects[0].Type, projects[0].Evidence)
	}
	fmt.Fprintf(a.stdout, "Wrote %s, %s.\nTry it: patchbay run --workspace %s %s\n", name, kind, dir, name)
	return nil
}

// pipelineFor writes the main kind's usual steps as one stage.
func pipelineFor(name string, projects []detect.Project) string {
	steps := []detect.Step{{Name: "hello", Script: `echo "Hello from $CI_PIPELINE_NAME"`}}
	if len(projects) > 0 {
		steps = projects[0].Steps
	}
	var b strings.Builder
	fmt.Fprintf(&b, "name: %q\nstages:\n  - name: build\n    steps:\n", name)
	for _, step := range steps {
		fmt.Fprintf(&b, "      - name: %s\n        run: |\n", step.Name)
		for line := range strings.SplitSeq(step.Script, "\n") {
			fmt.Fprintf(&b, "          %s\n", line)
		}
	}
	return b.String()
}
