package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/project"
)

// projectOf is the folder whose files a run is given, or "" for none: the one that is
// named, or the current one, if that is a git work tree, or in one, and the pipeline
// file is in it.
func (f *runFlags) projectOf(file string) (string, error) {
	switch {
	case f.project != "" && (f.noProject || f.workspace != ""):
		return "", errors.New("--project does not go with --no-project or --workspace")
	case f.project != "":
		if info, err := os.Stat(f.project); err != nil || !info.IsDir() {
			return "", fmt.Errorf("--project %s is not a folder", f.project)
		}
		return f.project, nil
	case f.noProject || f.workspace != "" || file == "-" || !project.InWorkTree("."):
		return "", nil
	}
	var ends [2]string
	for i, name := range []string{".", file} {
		end, err := filepath.EvalSymlinks(name)
		if err == nil {
			ends[i], err = filepath.Abs(end)
		}
		if err != nil {
			return "", err
		}
	}
	way, err := filepath.Rel(ends[0], ends[1])
	if err != nil || !filepath.IsLocal(way) {
		return "", nil
	}
	return ".", nil
}

// bringing is a copy of a project that is being made.
type bringing struct {
	cancel  context.CancelFunc
	done    chan struct{}
	summary project.Summary
	err     error
}

// bring begins to copy the project, aside: a workspace has the name of its execution,
// which is not known yet.
func (l *localRunner) bring(ctx context.Context) {
	if l.project == "" {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &bringing{cancel: cancel, done: make(chan struct{})}
	l.coming = b
	go func() {
		defer close(b.done)
		b.summary, b.err = project.Copy(ctx, l.project, filepath.Join(l.folder, comingFolder), project.Limits{})
	}()
}

// comingFolder is no ID of an execution.
const comingFolder = "project"

// place waits for the copy and makes it the workspace of an execution. Each pipeline of
// a file has its own, as it has on a server.
func (l *localRunner) place(ctx context.Context, executionID string) error {
	if l.project == "" {
		return nil
	}
	again := l.coming == nil
	if again {
		l.bring(ctx)
	}
	b := l.coming
	l.coming = nil
	defer b.cancel()
	select {
	case <-b.done:
	case <-ctx.Done():
		b.cancel()
		<-b.done
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted while the project's files were brought in: %w", context.Cause(ctx))
	case core.CodeOf(b.err) == core.CodeTooLarge:
		return &exitError{exitUsage, explained(b.err)}
	case b.err != nil:
		return explained(b.err)
	}
	if !again {
		l.sayBrought(b.summary)
	}
	return os.Rename(filepath.Join(l.folder, comingFolder), filepath.Join(l.folder, executionID))
}

// stopBringing ends a copy that nobody waits for any more.
func (l *localRunner) stopBringing() {
	if l.coming != nil {
		l.coming.cancel()
		<-l.coming.done
	}
}

func (l *localRunner) sayBrought(s project.Summary) {
	if s.Files > 0 {
		fmt.Fprintf(l.words, "workspace: %d %s, %s from %s\n", s.Files, plural(s.Files, "file"), s.Bytes, l.project)
	}
	for _, out := range s.LeftOut {
		fmt.Fprintf(l.words, "workspace: left out %s: %s\n", out.Path, out.Reason)
	}
	if more := s.LeftOutCount - len(s.LeftOut); more > 0 {
		fmt.Fprintf(l.words, "workspace: left out %d more\n", more)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// wordsFor is where a run says what is neither output nor error: nowhere, when its
// output is for programs.
func (a *app) wordsFor() io.Writer {
	if a.output == "json" {
		return io.Discard
	}
	return a.stderr
}
