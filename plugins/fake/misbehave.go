package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

type crashConfig struct {
	At    string `json:"at,omitempty" jsonschema:"description=When to crash,enum=before_output,enum=after_lines,enum=before_result,default=before_output"`
	Lines int    `json:"lines,omitempty" jsonschema:"description=How many lines the work prints,default=10,minimum=0,maximum=1000000"`
	After int    `json:"after,omitempty" jsonschema:"description=Lines before a crash after_lines,default=5,minimum=0"`
	Times int    `json:"times,omitempty" jsonschema:"description=How many of the first calls of an attempt crash; 0 for all,default=1,minimum=0"`
	Once  string `json:"once,omitempty" jsonschema:"description=File in the workspace that gets a line when the work is done for the first time"`
}

// crash kills the whole process, as a fault would, with all steps that are in it.
func crash(_ context.Context, r sdk.Request[crashConfig], s *sdk.Session) (sdk.Result, error) {
	c := r.Config
	call, err := countCall(r.Step.Workspace)
	if err != nil {
		return sdk.Result{}, err
	}
	if err := once(r.Step.Workspace, c.Once); err != nil {
		return sdk.Result{}, err
	}
	crashing := c.Times == 0 || call <= c.Times
	if crashing && c.At == "before_output" {
		die()
	}
	if err := s.SaveState(fmt.Appendf(nil, "call %d", call)); err != nil {
		return sdk.Result{}, err
	}
	for i := range c.Lines {
		if crashing && c.At == "after_lines" && i == c.After {
			die()
		}
		if _, err := fmt.Fprintf(s.Stdout(), "line %d\n", i+1); err != nil {
			return sdk.Result{}, err
		}
	}
	if crashing {
		die()
	}
	return sdk.Succeeded(), nil
}

// die does not return. Nothing is flushed, nothing deferred runs.
func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // there is no more to be done if that fails
	}
	select {}
}

type hangConfig struct {
	Forever bool `json:"forever,omitempty" jsonschema:"description=Go on also when the grace period has passed"`
}

// hang never ends by itself; cancelled, it uses up its grace period, or more.
func hang(ctx context.Context, r sdk.Request[hangConfig], s *sdk.Session) (sdk.Result, error) {
	if _, err := fmt.Fprintln(s.Stdout(), "hanging"); err != nil {
		return sdk.Result{}, err
	}
	<-ctx.Done()
	grace, cancelled := sdk.CancelGrace(ctx)
	if !cancelled {
		return sdk.Result{}, context.Cause(ctx)
	}
	if r.Config.Forever {
		select {}
	}
	<-time.After(grace)
	return sdk.Cancelled(), nil
}

type errorConfig struct {
	Class      string `json:"class,omitempty" jsonschema:"description=Class of the error,enum=invalid_config,enum=authentication,enum=not_found,enum=external_service,enum=timeout,enum=cancelled,enum=lost,enum=internal,default=external_service"`
	Message    string `json:"message,omitempty" jsonschema:"description=Its message,default=the service said no"`
	Suggestion string `json:"suggestion,omitempty" jsonschema:"description=What to do about it"`
	Times      int    `json:"times,omitempty" jsonschema:"description=How many of the first calls of an attempt fail; 0 for all,minimum=0"`
}

// fail breaks as a connector does.
func fail(_ context.Context, r sdk.Request[errorConfig], _ *sdk.Session) (sdk.Result, error) {
	call, err := countCall(r.Step.Workspace)
	if err != nil {
		return sdk.Result{}, err
	}
	if r.Config.Times > 0 && call > r.Config.Times {
		return sdk.Succeeded(), nil
	}
	return sdk.Result{}, &sdk.Error{Class: sdk.ErrorClass(r.Config.Class), Message: r.Config.Message, Suggestion: r.Config.Suggestion}
}

type lostConfig struct {
	AtOnce bool `json:"at_once,omitempty" jsonschema:"description=Say so at the first call; otherwise the process dies first"`
}

// lost dies in the middle of its work and cannot find it again.
func lost(_ context.Context, r sdk.Request[lostConfig], s *sdk.Session) (sdk.Result, error) {
	call, err := countCall(r.Step.Workspace)
	if err != nil {
		return sdk.Result{}, err
	}
	if call == 1 && !r.Config.AtOnce {
		if _, err := fmt.Fprintln(s.Stdout(), "begun"); err != nil {
			return sdk.Result{}, err
		}
		die()
	}
	return sdk.Result{}, sdk.Errorf(sdk.ClassLost, "the work is gone")
}

type panicConfig struct {
	Message string `json:"message,omitempty" jsonschema:"description=What it panics with,default=as requested"`
}

// panics is what a fault in a connector's code looks like; the SDK catches it. It
// is the one panic outside main that is wanted.
func panics(_ context.Context, r sdk.Request[panicConfig], _ *sdk.Session) (sdk.Result, error) {
	panic(r.Config.Message)
}
