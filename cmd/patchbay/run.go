package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
	"github.com/patchbay-ci/patchbay/core/terminal"
)

// runFlags are the options of `patchbay run`.
type runFlags struct {
	branch, commit, tag, repository, event string
	environment                            []string
	workspace                              string
	strict, approve                        bool
	params                                 paramFlags
	secrets, changed                       []string
	secretsFile, artifacts                 string
	project                                string
	noProject, noCache                     bool
}

func (a *app) newRunCommand() *cobra.Command {
	var f runFlags
	command := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a pipeline file here, without a server",
		Long: "Run a pipeline file here, without a server. FILE may be - for standard input.\n" +
			"When FILE is in the current folder, and that is a git work tree or in one, the run gets a\n" +
			"copy of the folder's files, without those that .gitignore and .patchbayignore name.\n" +
			"Exit code 0: success; 1: the pipeline failed; 2: bad usage or an invalid file.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return a.run(command.Context(), args[0], f)
		},
	}
	flags := command.Flags()
	f.addTriggerFlags(flags)
	f.params.add(flags)
	flags.StringArrayVar(&f.changed, "changed", nil, "a file that changed, for when: paths; may be repeated")
	flags.StringArrayVar(&f.secrets, "secret", nil, "NAME of a variable that is a secret of the steps that name it; may be repeated")
	flags.StringVar(&f.secretsFile, "secrets-file", "", "a file of NAME=value lines, each a secret")
	flags.StringVar(&f.artifacts, "artifacts", "", "write the artifacts below this folder at the end")
	flags.StringVar(&f.workspace, "workspace", "", "run in this folder instead of a fresh one, and leave it there")
	flags.StringVar(&f.project, "project", "", "bring in a copy of this folder's files instead")
	flags.BoolVar(&f.noProject, "no-project", false, "bring in no files: begin with an empty workspace")
	flags.BoolVar(&f.noCache, "no-cache", false, "use no caches of earlier runs, and leave none")
	flags.BoolVar(&f.approve, "approve", false, "approve everything that waits for an approval")
	flags.BoolVar(&f.strict, "strict", false, "treat warnings about unknown keys as errors")
	return command
}

// addTriggerFlags adds what a trigger may say.
func (f *runFlags) addTriggerFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.branch, "branch", "", "branch")
	flags.StringVar(&f.commit, "commit", "", "commit hash")
	flags.StringVar(&f.tag, "tag", "", "tag")
	flags.StringVar(&f.repository, "repository", "", "repository")
	flags.StringVar(&f.event, "event", string(core.TriggerManual), "what triggers the run")
	flags.StringArrayVarP(&f.environment, "env", "e", nil, "NAME=value, wins over the file; may be repeated")
}

// collectRarely is the garbage collector's target for a process that lives as long
// as one run: most end before the first collection.
const collectRarely = 400

// run runs every document of a file, one after the other, until one fails.
func (a *app) run(ctx context.Context, name string, f runFlags) error {
	debug.SetGCPercent(collectRarely)
	in, err := a.inputs(f)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	source, err := a.readFile(name)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	from, err := f.projectOf(name)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	runner, err := a.newLocalRunner(f.workspace, in.secrets)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer runner.close()
	runner.project, runner.words = from, a.wordsFor()
	runner.approvals, runner.artifacts = a.newLocalApprovals(f.approve), f.artifacts
	runner.warm(source)
	runner.bring(ctx)
	specs, diagnostics := runner.parse(ctx, name, source, f.strict)
	// From here on this process waits for others. Go's threads waking each other cost
	// more than the little there is to do.
	runtime.GOMAXPROCS(1)
	if core.HasErrors(diagnostics) {
		a.printDiagnostics(a.stderr, diagnostics)
		return &exitError{exitUsage, fmt.Errorf("%s is not valid", name)}
	}
	a.printDiagnostics(a.stderr, diagnostics)
	triggers, err := in.triggers(specs)
	if err == nil && mentionsFiles(source) {
		err = runner.keepFiles()
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if !f.noCache {
		a.keepCaches(ctx, runner, specs, cmp.Or(from, filepath.Dir(name)))
	}
	return a.runAll(ctx, runner, specs, triggers)
}

// runAll runs one pipeline after the other and shows how they end.
func (a *app) runAll(ctx context.Context, runner *localRunner, specs []*core.Spec, triggers []core.TriggerRequest) error {
	ctx, interrupted := a.interruptible(ctx)
	defer interrupted()
	var results []*localResult
	failed := false
	for i, spec := range specs {
		result, err := runner.run(ctx, spec, triggers[i], a.renderer())
		if exit := (*exitError)(nil); errors.As(err, &exit) {
			return exit
		}
		if err != nil {
			return &exitError{exitFailed, err}
		}
		results = append(results, result)
		if failed = result.execution.Status != core.StatusSuccess; failed {
			break
		}
	}
	if a.output == "json" {
		if err := a.printJSON(resultsJSON(results)); err != nil {
			return err
		}
	}
	if failed {
		return &exitError{code: exitFailed}
	}
	return nil
}

// trigger checks the flags and makes of them what a trigger says.
func (f runFlags) trigger() (core.TriggerRequest, error) {
	request := core.TriggerRequest{Environment: map[string]string{}, Info: core.TriggerInfo{
		Type: core.TriggerType(f.event), TriggeredBy: "patchbay run", CommitHash: f.commit,
		Branch: f.branch, Tag: f.tag, Repository: f.repository}}
	for _, pair := range f.environment {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return request, fmt.Errorf("--env %q is not of the form NAME=value", pair)
		}
		request.Environment[key] = value
	}
	return request, nil
}

// readFile reads a pipeline file, or standard input for "-", within its bound.
func (a *app) readFile(name string) ([]byte, error) {
	reader := a.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		reader = file
	}
	source, err := io.ReadAll(io.LimitReader(reader, maxPipelineFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(source) > maxPipelineFile {
		return nil, fmt.Errorf("%s is larger than %d MiB, the most a pipeline file may have", name, maxPipelineFile>>20)
	}
	return source, nil
}

// maxPipelineFile is the largest pipeline file that is read.
const maxPipelineFile = 10 << 20

// interruptible returns a context that ends at the first Ctrl-C or SIGTERM; at the
// second one the process ends at once.
func (a *app) interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			if ctx.Err() != nil {
				fmt.Fprintln(a.stderr, "patchbay: interrupted again; leaving at once")
				os.Exit(exitFailed)
			}
			cancel(errors.New(s.String()))
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// renderer shows a run on the screen; with -o json nothing but the JSON is shown.
func (a *app) renderer() *terminal.Renderer {
	if a.output == "json" {
		return terminal.New(io.Discard, false)
	}
	return terminal.New(a.stdout, a.interactive())
}

// interactive reports whether a person looks at the output.
func (a *app) interactive() bool {
	return isTerminal(a.stdout) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// stepLabel is the prefix of a step's lines: short where it can be.
func stepLabel(p *plan.Plan, node plan.Node) string {
	if len(p.Instances) == 1 {
		return node.Step.Name
	}
	return p.Instances[node.Instance].Name + "/" + node.Step.Name
}

// isTerminal reports whether a stream of this process is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
