package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/detect"
	"github.com/patchbay-ci/patchbay/core/detect/scaffold"
	"github.com/patchbay-ci/patchbay/core/project"
)

// firstPipeline is the file that `patchbay init` writes.
const firstPipeline = "patchbay.yaml"

type initFlags struct{ dryRun, force, noDockerfile bool }

func (a *app) newInitCommand() *cobra.Command {
	var flags initFlags
	command := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first pipeline that fits the projects in a folder",
		Long: `Looks through a folder and writes patchbay.yaml, with a stage for each project in
it; and a Dockerfile and a .dockerignore for each program that has none. Nothing of
the project is run. What is there is not overwritten, and a Dockerfile never is.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if err := a.init(command.Context(), dir, flags); err != nil {
				return &exitError{exitUsage, explained(err)}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&flags.dryRun, "dry-run", false, "print what would be written, and write nothing")
	command.Flags().BoolVar(&flags.force, "force", false, "overwrite "+firstPipeline)
	command.Flags().BoolVar(&flags.noDockerfile, "no-dockerfile", false, "write only "+firstPipeline)
	return command
}

// initFile is a file that init writes, or why it does not.
type initFile struct {
	Path    string `json:"path"` // from the folder
	Written bool   `json:"written"`
	// Reason is why it is not written.
	Reason string `json:"reason,omitempty"`
	// Content is what would be written; of a dry run only.
	Content string `json:"content,omitempty"`
	// library tells that nobody would expect the file.
	library bool
}

func (a *app) init(ctx context.Context, dir string, flags initFlags) error {
	report, err := detect.Detect(ctx, dir, detect.Limits{})
	if err != nil {
		return err
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := []*initFile{{Path: firstPipeline, Content: scaffold.Pipeline(filepath.Base(absolute), report)}}
	if !flags.noDockerfile {
		files = append(files, imageFiles(root, report)...)
	}
	if _, err := root.Lstat(firstPipeline); err == nil && !flags.force && !flags.dryRun {
		return fmt.Errorf("%s is there already: edit it, see what would be written with --dry-run, or overwrite it with --force",
			filepath.Join(dir, firstPipeline))
	}
	for _, f := range files {
		if flags.dryRun || f.Reason != "" {
			continue
		}
		if err := f.write(root, flags.force && f.Path == firstPipeline); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, filepath.FromSlash(f.Path)), err)
		}
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"file": filepath.Join(dir, firstPipeline), "dry_run": flags.dryRun, "files": files,
			"projects": report.Projects, "workspaces": report.Workspaces, "warnings": report.Warnings,
			"entries": report.Entries, "truncated": report.Truncated})
	}
	a.printInit(dir, flags, report, files)
	return nil
}

// imageFiles are the files that images are built from, for the projects that are
// programs and have none. What there is already has a reason and no content.
func imageFiles(root *os.Root, report *detect.Report) []*initFile {
	var files []*initFile
	taken := map[string]bool{}
	for _, p := range report.Projects {
		name := path.Join(p.Path, "Dockerfile")
		if p.Type == "docker" || p.Type == "make" || taken[name] {
			continue
		}
		text, whyNot := scaffold.Dockerfile(p)
		for _, there := range []string{"Dockerfile", "Containerfile"} {
			if _, err := root.Lstat(path.Join(p.Path, there)); !errors.Is(err, fs.ErrNotExist) {
				text, whyNot = "", there+" is there already"
			}
		}
		if taken[name] = text != ""; text == "" {
			files = append(files, &initFile{Path: name, Reason: whyNot, library: p.App == nil})
			continue
		}
		files = append(files, &initFile{Path: name, Content: text})
		ignore := &initFile{Path: path.Join(p.Path, ".dockerignore"), Content: scaffold.Dockerignore(p)}
		if _, err := root.Lstat(ignore.Path); !errors.Is(err, fs.ErrNotExist) {
			ignore.Content, ignore.Reason = "", "it is there already"
		}
		files = append(files, ignore)
	}
	return files
}

// write makes the file, whole or not at all. A link in its place is not followed: it
// is replaced, or in the way.
func (f *initFile) write(root *os.Root, overwrite bool) error {
	name := f.Path
	if overwrite {
		name += fmt.Sprintf(".%d.tmp", os.Getpid())
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("it is there already")
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.Content)
	err = errors.Join(err, file.Close())
	if err == nil && overwrite {
		err = root.Rename(name, f.Path)
	}
	if err != nil {
		return errors.Join(err, root.Remove(name))
	}
	f.Written, f.Content = true, ""
	return nil
}

// printInit says what was found and why, what was written, and what to do next.
func (a *app) printInit(dir string, flags initFlags, report *detect.Report, files []*initFile) {
	for _, w := range report.Workspaces {
		fmt.Fprintf(a.stdout, "%s: a workspace of %s with %d %s (%s)\n", w.Path, w.Tool, len(w.Members), plural(len(w.Members), "member"), w.Evidence.File)
	}
	for _, p := range report.Projects {
		tool := ""
		if p.Tool != p.Type && p.Tool != "none" {
			tool = " with " + p.Tool
		}
		fmt.Fprintf(a.stdout, "%s: %s%s, %s (%s)\n", p.Path, p.Type, tool, p.Confidence, p.Name)
		for _, e := range p.Evidence {
			fmt.Fprintf(a.stdout, "  %s\n", e)
		}
	}
	if len(report.Projects) == 0 {
		fmt.Fprintf(a.stdout, "%s: nothing was recognised, so the pipeline only says hello\n", dir)
	}
	for _, w := range report.Warnings {
		fmt.Fprintf(a.stderr, "warning: %q: %s\n", w.Path, w.Message)
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		switch {
		case f.library:
		case f.Reason != "":
			fmt.Fprintf(a.stdout, "no %s: %s\n", name, f.Reason)
		case f.Written:
			fmt.Fprintf(a.stdout, "wrote %s\n", name)
		default:
			fmt.Fprintf(a.stdout, "\n--- %s ---\n%s", name, f.Content)
		}
	}
	if flags.dryRun {
		return
	}
	if tools := toolsOf(report); len(tools) > 0 {
		fmt.Fprintf(a.stdout, "it needs here: %s\n", strings.Join(tools, ", "))
	}
	name := filepath.Join(dir, firstPipeline)
	if dir == "." && project.InWorkTree(".") {
		fmt.Fprintf(a.stdout, "try it: patchbay run %s\n", name)
		return
	}
	fmt.Fprintf(a.stdout, "try it: patchbay run --project %s %s\n", dir, name)
}

// toolsOf names the programs that must be on the machine that runs the pipeline.
func toolsOf(report *detect.Report) []string {
	var tools []string
	for _, p := range report.Projects {
		if p.Tool == "none" || len(p.Steps) == 0 {
			continue
		}
		tool := p.Tool
		switch {
		case p.Type == p.Tool && p.Version != "":
			tool += " " + p.Version
		case p.Type != p.Tool:
			tool += strings.TrimRight(" ("+p.Type+" "+p.Version, " ") + ")"
		}
		if !slices.Contains(tools, tool) {
			tools = append(tools, tool)
		}
	}
	return tools
}
