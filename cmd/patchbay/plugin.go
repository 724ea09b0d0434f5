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

func (a *app) newPluginCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "plugin",
		Short: "List, describe, write, test and pin connectors",
		Long: "List, describe, write, test and pin connectors.\n\n" +
			"A connector is a program " + pluginhost.Prefix + "NAME in a folder of $PATCHBAY_PLUGIN_PATH,\n" +
			"beside the patchbay program, in plugins/ beside it, or in ~/.local/share/patchbay/plugins.",
	}
	command.AddCommand(
		&cobra.Command{Use: "list", Short: "List the connectors that are installed, also the broken ones", Args: cobra.NoArgs,
			RunE: func(command *cobra.Command, _ []string) error { return a.listPlugins(command.Context()) }},
		&cobra.Command{Use: "describe NAME", Short: "Show a connector's actions and the keys of their config", Args: cobra.ExactArgs(1),
			RunE: func(command *cobra.Command, args []string) error {
				return a.describePlugin(command.Context(), args[0])
			}},
		a.newPluginNewCommand(),
		a.newPluginTestCommand(),
		a.newPluginLockCommand(),
		a.newPluginVerifyCommand(),
	)
	return command
}

// withCatalog runs a piece of a command that needs to know the connectors. The
// lock file is not applied where it is what the command is about.
func (a *app) withCatalog(ctx context.Context, locked bool, do func(context.Context, *pluginhost.Host) error) error {
	options, err := a.pluginHostOptions(a.logger("off"), a.getenv("PATCHBAY_PLUGIN_PATH"))
	if !locked {
		options.LockFile, options.RequirePinned, err = "", false, nil
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	host, err := pluginhost.New(options)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, interrupted := a.interruptible(ctx)
	defer interrupted()
	defer context.AfterFunc(ctx, func() { _ = host.Close() })()
	err = do(ctx, host)
	if closed := host.Close(); err == nil && closed != nil {
		err = &exitError{exitFailed, closed}
	}
	return err
}

func (a *app) listPlugins(ctx context.Context) error {
	return a.withCatalog(ctx, true, func(ctx context.Context, host *pluginhost.Host) error {
		connectors := host.Connectors(ctx)
		if a.output == "json" {
			return a.printJSON(connectors)
		}
		if len(connectors) == 0 {
			fmt.Fprintln(a.stdout, "No connectors are installed. They are looked for in:")
			for _, folder := range a.pluginPath(a.getenv("PATCHBAY_PLUGIN_PATH")) {
				fmt.Fprintln(a.stdout, "  "+folder)
			}
			return nil
		}
		table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tVERSION\tSTATE\tSUMMARY")
		for _, c := range connectors {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.Name, orDash(c.Version), stateWord(c), oneLine(c.Summary, c.Reason))
		}
		return table.Flush()
	})
}

// stateWord is the state as a person wants it: that a connector was launched a
// moment ago to be listed is of no interest.
func stateWord(c *core.ConnectorInfo) string {
	if c.State == core.ConnectorBroken {
		return "broken"
	}
	return "ok"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// oneLine is the first text that is not empty, on one line.
func oneLine(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return strings.Join(strings.Fields(text), " ")
		}
	}
	return ""
}
