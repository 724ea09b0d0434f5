package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
)

func (a *app) newPluginLockCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "lock",
		Short: "Pin the installed connectors to what their files are now",
		Long: "Write name, version and SHA-256 of the installed connectors to a lock file. Where a lock file is in force\n" +
			"(plugins.lock in the current folder, or $PATCHBAY_PLUGIN_LOCK), a connector with another SHA-256 is not\n" +
			"launched; with PATCHBAY_REQUIRE_PINNED=true, neither is one that is not in the file.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.lockPlugins(command.Context(), a.lockFileFlag(file))
		},
	}
	command.Flags().StringVar(&file, "file", "", "the lock file (default $PATCHBAY_PLUGIN_LOCK, or plugins.lock)")
	return command
}

func (a *app) newPluginVerifyCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "verify",
		Short: "Compare the installed connectors with the lock file; exit code 1 when they differ",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.verifyPlugins(command.Context(), a.lockFileFlag(file))
		},
	}
	command.Flags().StringVar(&file, "file", "", "the lock file (default $PATCHBAY_PLUGIN_LOCK, or plugins.lock)")
	return command
}

func (a *app) lockFileFlag(file string) string {
	for _, name := range []string{file, a.getenv("PATCHBAY_PLUGIN_LOCK")} {
		if name != "" {
			return name
		}
	}
	return pluginhost.LockFileName
}

func (a *app) lockPlugins(ctx context.Context, file string) error {
	return a.withCatalog(ctx, false, func(ctx context.Context, host *pluginhost.Host) error {
		connectors := host.Connectors(ctx)
		for _, c := range connectors {
			if c.State == core.ConnectorBroken {
				fmt.Fprintf(a.stderr, "patchbay: %s is left out, because it is broken: %s\n", c.Name, c.Reason)
			}
		}
		lock := pluginhost.NewLock(connectors)
		if err := lock.Write(file); err != nil {
			return &exitError{exitFailed, err}
		}
		if a.output == "json" {
			return a.printJSON(lock)
		}
		fmt.Fprintf(a.stdout, "%s pins %d connectors\n", file, len(lock.Connectors))
		return nil
	})
}

// pinReport is what `plugin verify` says about one name.
type pinReport struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, changed, missing or not_pinned
	Pinned string `json:"pinned,omitempty"`
	Found  string `json:"found,omitempty"`
	Path   string `json:"path,omitempty"`
}

func (a *app) verifyPlugins(ctx context.Context, file string) error {
	lock, err := pluginhost.ReadLock(file)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return a.withCatalog(ctx, false, func(ctx context.Context, host *pluginhost.Host) error {
		reports := comparePins(lock, host.Installed()) // nothing is launched
		var different []pinReport
		for _, report := range reports {
			if report.Status != "ok" {
				different = append(different, report)
			}
		}
		if err := a.printPins(file, reports, different); err != nil {
			return err
		}
		if len(different) > 0 {
			return &exitError{code: exitFailed}
		}
		return nil
	})
}

func (a *app) printPins(file string, reports, different []pinReport) error {
	if a.output == "json" {
		return a.printJSON(reports)
	}
	if len(different) == 0 {
		fmt.Fprintf(a.stdout, "%d connectors are as %s has them\n", len(reports), file)
		return nil
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATUS\tPINNED\tFOUND\tFILE")
	for _, r := range different {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Name, strings.ReplaceAll(r.Status, "_", " "), orDash(r.Pinned), orDash(r.Found), orDash(r.Path))
	}
	return table.Flush()
}

// comparePins holds what is installed against a lock, pinned ones first. Files that
// could not be launched anyway, such as folders, need no pin.
func comparePins(lock *pluginhost.Lock, connectors []*core.ConnectorInfo) []pinReport {
	installed := map[string]*core.ConnectorInfo{}
	for _, c := range connectors {
		installed[c.Name] = c
	}
	reports := []pinReport{}
	for _, pin := range lock.Connectors {
		report := pinReport{Name: pin.Name, Pinned: pin.SHA256, Status: "missing"}
		if c := installed[pin.Name]; c != nil {
			report.Found, report.Path, report.Status = c.SHA256, c.Path, "changed"
			if c.SHA256 == pin.SHA256 {
				report.Status = "ok"
			}
		}
		reports = append(reports, report)
		delete(installed, pin.Name)
	}
	for _, c := range connectors {
		if installed[c.Name] != nil && c.SHA256 != "" {
			reports = append(reports, pinReport{Name: c.Name, Status: "not_pinned", Found: c.SHA256, Path: c.Path})
		}
	}
	return reports
}
