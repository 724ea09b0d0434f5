package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// maxCasesFile bounds a file of cases.
const maxCasesFile = 10 << 20

func (a *app) newPluginTestCommand() *cobra.Command {
	var cases string
	var patience time.Duration
	command := &cobra.Command{
		Use:   "test PATH [ARG...]",
		Short: "Check that a connector, in any language, keeps to the protocol",
		Long: "Launch the connector at PATH and check that it keeps to the protocol: descriptions, bad config, replay,\n" +
			"detachment, a crash in mid-step, cancellation, destruction, secrets. Most checks need something that the\n" +
			"connector can be asked to do: --cases names a file of them (PLUGINS.md says how it is written).\n" +
			"Arguments are passed on, for a program that needs some. Exit code 1 when a check failed.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.testPlugin(command.Context(), args, cases, patience)
		},
	}
	command.Flags().StringVar(&cases, "cases", "", "file of cases, JSON or YAML")
	command.Flags().DurationVar(&patience, "patience", 30*time.Second, "how long one check may take")
	return command
}

func (a *app) testPlugin(ctx context.Context, args []string, casesFile string, patience time.Duration) (err error) {
	if info, err := os.Stat(args[0]); err != nil || info.IsDir() {
		return &exitError{exitUsage, fmt.Errorf("%s is not a program", args[0])}
	}
	options := sdktest.Options{Patience: patience}
	if casesFile != "" {
		if options.Cases, err = readCases(casesFile); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	if a.output != "json" {
		options.Observe = a.printCheck
	}
	ctx, interrupted := a.interruptible(ctx)
	defer interrupted()
	target := sdktest.Program(args[0], args[1:]...)
	reports := sdktest.Check(ctx, target, options)
	if err := target.Close(); err != nil {
		return &exitError{exitFailed, err}
	}
	count := map[sdktest.Status]int{}
	for _, report := range reports {
		count[report.Status]++
	}
	if a.output == "json" {
		if err := a.printJSON(reports); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "\n%d passed, %d failed, %d skipped\n", count[sdktest.Passed], count[sdktest.Failed], count[sdktest.Skipped])
	}
	if count[sdktest.Failed] > 0 || ctx.Err() != nil {
		return &exitError{code: exitFailed}
	}
	return nil
}

// printCheck shows a check as it ends.
func (a *app) printCheck(report sdktest.Report) {
	name := report.Check
	if report.Case != "" {
		name += " [" + report.Case + "]"
	}
	fmt.Fprintf(a.stdout, "%-8s%s (%s)\n", report.Status, name, report.Duration.Round(time.Millisecond))
	switch report.Status {
	case sdktest.Failed:
		fmt.Fprintf(a.stdout, "        it should be that: %s\n        but: %s\n", report.About, report.Message)
	case sdktest.Skipped:
		fmt.Fprintf(a.stdout, "        %s\n", report.Message)
	}
}

// readCases reads a file of cases; JSON is YAML, too.
func readCases(name string) ([]sdktest.Case, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxCasesFile+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(content) > maxCasesFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxCasesFile>>20)
	}
	converted, err := yaml.YAMLToJSON(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cases, err := sdktest.ParseCases(converted)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return cases, nil
}
