package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pipefile"
)

func (a *app) newValidateCommand() *cobra.Command {
	var strict bool
	command := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check pipeline files; exit code 2 when one is not valid",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.validate(command.Context(), args, strict)
		},
	}
	command.Flags().BoolVar(&strict, "strict", false, "treat warnings about unknown keys as errors")
	return command
}

// fileReport is what `validate -o json` says about one file.
type fileReport struct {
	File        string            `json:"file"`
	Valid       bool              `json:"valid"`
	Pipelines   []string          `json:"pipelines"`
	Diagnostics []core.Diagnostic `json:"diagnostics"`
}

func (a *app) validate(ctx context.Context, files []string, strict bool) error {
	host, err := a.pluginHost(a.logger("error"))
	if err != nil {
		return &exitError{exitFailed, err}
	}
	defer host.Close()
	invalid := 0
	reports := make([]fileReport, 0, len(files))
	for _, name := range files {
		report := fileReport{File: name, Pipelines: []string{}, Diagnostics: []core.Diagnostic{}}
		source, err := a.readFile(name)
		if err != nil {
			report.Diagnostics = append(report.Diagnostics, core.Diagnostic{Severity: core.SeverityError, File: name, Message: err.Error()})
		} else {
			specs, diagnostics := pipefile.Parse(ctx, name, source, pipefile.Options{Catalog: host, Strict: strict})
			report.Diagnostics = append(report.Diagnostics, diagnostics...)
			for _, spec := range specs {
				report.Pipelines = append(report.Pipelines, spec.Name)
			}
		}
		if report.Valid = !core.HasErrors(report.Diagnostics); !report.Valid {
			invalid++
		}
		reports = append(reports, report)
	}
	if err := a.printReports(reports); err != nil {
		return err
	}
	if invalid > 0 {
		return &exitError{code: exitUsage}
	}
	return nil
}

func (a *app) printReports(reports []fileReport) error {
	if a.output == "json" {
		return a.printJSON(reports)
	}
	for _, report := range reports {
		a.printDiagnostics(a.stdout, report.Diagnostics)
		verdict := "valid"
		if !report.Valid {
			verdict = "not valid"
		}
		fmt.Fprintf(a.stdout, "%s: %s\n", report.File, verdict)
	}
	return nil
}

// printDiagnostics writes problems for people, each with the source around it.
func (a *app) printDiagnostics(w io.Writer, diagnostics []core.Diagnostic) {
	for _, d := range diagnostics {
		fmt.Fprintln(w, d.String())
		if d.Excerpt != "" {
			fmt.Fprintln(w, d.Excerpt)
		}
	}
}
