package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

type echoConfig struct {
	Text     string            `json:"text,omitempty" jsonschema:"description=What to print; each line has its number behind it if there are several,default=echo"`
	Lines    int               `json:"lines,omitempty" jsonschema:"description=How many lines,default=1,minimum=0,maximum=1000000"`
	DelayMS  int               `json:"delay_ms,omitempty" jsonschema:"description=Milliseconds between lines,minimum=0,maximum=600000"`
	Stderr   bool              `json:"stderr,omitempty" jsonschema:"description=Print to standard error"`
	ExitCode int               `json:"exit_code,omitempty" jsonschema:"description=Exit code,minimum=0,maximum=255"`
	Outputs  map[string]string `json:"outputs,omitempty" jsonschema:"description=Values for later steps"`
	Once     string            `json:"once,omitempty" jsonschema:"description=File in the workspace that gets a line when the work is done for the first time"`
}

// echo prints its lines by a clock that starts with the attempt: whoever joins
// later gets at once what is due.
func echo(ctx context.Context, r sdk.Request[echoConfig], s *sdk.Session) (sdk.Result, error) {
	c, w := r.Config, r.Step.Workspace
	began, err := started(w)
	if err != nil {
		return sdk.Result{}, err
	}
	if err := once(w, c.Once); err != nil {
		return sdk.Result{}, err
	}
	var out io.Writer = s.Stdout()
	if c.Stderr {
		out = s.Stderr()
	}
	for i := range c.Lines {
		due := began.Add(time.Duration(i*c.DelayMS) * time.Millisecond)
		if ended, result, err := waitUntil(ctx, due); ended {
			return result, err
		}
		text := c.Text
		if c.Lines > 1 {
			text = fmt.Sprintf("%s %d", c.Text, i+1)
		}
		if _, err := fmt.Fprintln(out, text); err != nil {
			return sdk.Result{}, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Outputs)) {
		if err := s.SetOutput(name, c.Outputs[name]); err != nil {
			return sdk.Result{}, err
		}
	}
	return sdk.Exited(c.ExitCode), nil
}

type slowConfig struct {
	DurationMS int `json:"duration_ms" jsonschema:"required,description=Milliseconds that the work takes; a join does not begin anew,minimum=0,maximum=3600000"`
}

// slow ends at a time that is fixed when the attempt starts.
func slow(ctx context.Context, r sdk.Request[slowConfig], _ *sdk.Session) (sdk.Result, error) {
	began, err := started(r.Step.Workspace)
	if err != nil {
		return sdk.Result{}, err
	}
	if ended, result, err := waitUntil(ctx, began.Add(time.Duration(r.Config.DurationMS)*time.Millisecond)); ended {
		return result, err
	}
	return sdk.Succeeded(), nil
}

type progressConfig struct {
	Count   int `json:"count,omitempty" jsonschema:"description=How many reports,default=3,minimum=1,maximum=100000"`
	DelayMS int `json:"delay_ms,omitempty" jsonschema:"description=Milliseconds between them,minimum=0,maximum=600000"`
}

// progress reports in silence.
func progress(ctx context.Context, r sdk.Request[progressConfig], s *sdk.Session) (sdk.Result, error) {
	for i := range r.Config.Count {
		if err := s.Progress(fmt.Sprintf("part %d of %d", i+1, r.Config.Count), (i+1)*100/r.Config.Count); err != nil {
			return sdk.Result{}, err
		}
		if ended, result, err := waitUntil(ctx, time.Now().Add(time.Duration(r.Config.DelayMS)*time.Millisecond)); ended {
			return result, err
		}
	}
	return sdk.Succeeded(), nil
}

// started returns when the attempt's work began, which its folder remembers.
func started(w sdk.Workspace) (time.Time, error) {
	name := filepath.Join(w.AttemptPath, startedFile)
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return time.Time{}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// waitUntil waits for a moment. When the step ends before it, ended is true and
// the rest is what RunStep returns.
func waitUntil(ctx context.Context, due time.Time) (ended bool, result sdk.Result, err error) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		if ctx.Err() == nil {
			return false, sdk.Result{}, nil
		}
	case <-ctx.Done():
	}
	if _, cancelled := sdk.CancelGrace(ctx); cancelled {
		return true, sdk.Cancelled(), nil
	}
	return true, sdk.Result{}, context.Cause(ctx)
}
