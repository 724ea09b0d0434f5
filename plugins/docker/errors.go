package main

import (
	"context"
	"errors"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/patchbay-ci/patchbay/sdk"
)

// explain turns what the Engine, or the way to it, said into an error for people.
// what is the thing that was tried: "create the container".
func (e *engine) explain(what string, err error) error {
	var known *sdk.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case client.IsErrConnectionFailed(err):
		return e.unreachable(err)
	case errors.Is(err, context.DeadlineExceeded):
		return &sdk.Error{Class: sdk.ClassTimeout, Message: "cannot " + what + ": the Docker Engine did not answer in time", Err: err,
			Suggestion: "look at the Engine's load and its log"}
	case errdefs.IsInvalidArgument(err):
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "cannot " + what + ": " + engineText(err), Err: err}
	}
	return &sdk.Error{Class: sdk.ClassExternalService, Message: "cannot " + what + ": " + engineText(err), Err: err}
}

func (e *engine) unreachable(err error) error {
	problem := &sdk.Error{Class: sdk.ClassExternalService, Err: err,
		Message:    "the Docker Engine at " + e.api.DaemonHost() + " cannot be reached",
		Suggestion: "is Docker running? If it listens elsewhere, set DOCKER_HOST for the server"}
	if strings.Contains(err.Error(), "permission denied") {
		problem.Message = "no permission to use the Docker Engine at " + e.api.DaemonHost()
		problem.Suggestion = "let the server's user into the group of that socket (usually docker), or set DOCKER_HOST"
	}
	return problem
}

// explainCreate knows the two mistakes that users make themselves.
func (e *engine) explainCreate(err error) error {
	if strings.Contains(err.Error(), "bind source path does not exist") {
		return &sdk.Error{Class: sdk.ClassExternalService, Err: err,
			Message:    "the Docker Engine at " + e.api.DaemonHost() + " does not see the workspace's folder",
			Suggestion: "steps need an Engine on the machine of the server, or one that has the server's data folder at the same path"}
	}
	return e.explain("create the container", err)
}

// engineText is the Engine's message without the layers that are of no use to a
// user.
func engineText(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	for _, layer := range []string{"unable to start container process: ", "starting container process caused: "} {
		if _, inner, found := strings.Cut(text, layer); found {
			text = strings.TrimSuffix(inner, ": unknown")
		}
	}
	return text
}

// lost is the error of an attempt whose container was there and is not any more.
func lost(name string) error {
	return &sdk.Error{Class: sdk.ClassLost, Message: "the step's container " + name + " is gone",
		Suggestion: "somebody or something removed it (docker rm, docker container prune); run the step again"}
}

// endedByRestart is the error of an attempt whose container the Engine has ended on
// its own account.
func endedByRestart(name string) error {
	return &sdk.Error{Class: sdk.ClassLost, Message: "the Docker Engine was restarted, and the step's container " + name + " ended with it",
		Suggestion: "run the step again; with live-restore in the Engine's daemon.json, steps outlive a restart"}
}
