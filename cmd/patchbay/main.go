// Command patchbay is the whole of Patchbay in one binary: the server, the local
// runner, the linter and the client. This package only wires the parts together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// Exit codes that scripts rely on.
const (
	exitFailed = 1 // the pipeline or the operation failed
	exitUsage  = 2 // bad usage or an invalid file
)

// exitError carries an exit code to main. An empty message prints nothing: the
// command has said all there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// app is what every command is given instead of globals.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// output is "text" or "json": the flag -o, which every command has.
	output string
}

func main() {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	os.Exit(a.main(context.Background(), os.Args[1:]))
}

// main runs one command and returns the exit code.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.Error() != "" {
			fmt.Fprintln(a.stderr, "patchbay: "+exit.Error())
		}
		return exit.code
	default: // cobra's own: unknown commands and flags, wrong arguments
		fmt.Fprintln(a.stderr, "patchbay: "+err.Error())
		return exitUsage
	}
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "patchbay",
		Short:         "Run CI/CD pipelines whose every connector is a plugin",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != "text" && a.output != "json" {
				return fmt.Errorf("-o takes text or json, not %q", a.output)
			}
			return nil
		},
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "text", "output format: text or json")
	root.AddCommand(a.commands()...)
	return root
}
