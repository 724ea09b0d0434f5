package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/patchbay-ci/patchbay/sdk"
)

// copyTries is how often a copy is begun that breaks off.
const copyTries = 6

// maxComplaint is how much of a command's error output is kept.
const maxComplaint = 4 << 10

// command runs a shell command in one of the pod's containers.
func (r *run) command(ctx context.Context, container, script string, in io.Reader, out io.Writer) error {
	request := r.client.core.Post().Namespace(r.client.Namespace).Resource(pods).Name(r.pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: []string{"sh", "-c", script},
			Stdin: in != nil, Stdout: out != nil, Stderr: true}, r.client.codec)
	// Clusters before 1.30 do not speak WebSockets here.
	modern, err := remotecommand.NewWebSocketExecutor(r.client.Config, "GET", request.URL().String())
	if err != nil {
		return err
	}
	old, err := remotecommand.NewSPDYExecutor(r.client.Config, "POST", request.URL())
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(modern, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	complaint := &limited{left: maxComplaint}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: out, Stderr: complaint})
	var failed exec.ExitError
	if errors.As(err, &failed) {
		return fmt.Errorf("exit code %d: %s", failed.ExitStatus(), strings.TrimSpace(complaint.String()))
	}
	return err
}

// limited keeps the beginning of what is written to it.
type limited struct {
	strings.Builder
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	kept := p[:min(len(p), l.left)]
	l.left -= len(kept)
	l.Builder.Write(kept)
	return len(p), nil
}

// copying tries a copy until it is whole. A connection that breaks off makes it begin
// anew; what it is refused, or what is wrong with the files, ends it.
func (r *run) copying(ctx context.Context, what string, copyOnce func(context.Context) error) error {
	var err error
	pause := 4 * shortPause
	for range copyTries {
		if err = copyOnce(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		var known *sdk.Error
		if errors.As(err, &known) {
			return err
		}
		if apierrors.IsForbidden(err) {
			return &sdk.Error{Class: sdk.ClassAuthentication, Err: err, Message: "cannot " + what + ": " + err.Error(),
				Suggestion: "allow the identity to create pods/exec in the namespace, or set workspace: none"}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
			pause = min(4*pause, 20*time.Second)
		}
	}
	return &sdk.Error{Class: sdk.ClassExternalService, Message: "cannot " + what + ": " + err.Error(), Err: err}
}
