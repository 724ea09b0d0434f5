package main

import (
	"context"
	"fmt"
	"os"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version = "0.1.0"

// writeConfig is the config of a step whose action is write.
type writeConfig struct {
	Files []string `json:"files" jsonschema:"required,minItems=1,description=Globs of the files to sum; relative to the workspace"`
	To    string   `json:"to,omitempty" jsonschema:"default=SHA256SUMS,minLength=1,description=The file to write; relative to the workspace"`
}

// verifyConfig is the config of a step whose action is verify.
type verifyConfig struct {
	From string `json:"from,omitempty" jsonschema:"default=SHA256SUMS,minLength=1,description=The file of sums; relative to the workspace"`
}

func newConnector() sdk.Connector {
	return sdk.NewActions(
		sdk.Info{Name: "checksum", Version: version, Summary: "Write and verify SHA-256 sums of files"},
		sdk.NewAction("write", "Write the sums of files, in the format of sha256sum", write,
			sdk.WithOutput("files", "How many files were summed"),
			sdk.WithOutput("digest", "SHA-256 of the file of sums")),
		sdk.NewAction("verify", "Compare files with their sums", verify),
	)
}

// CheckConfig finds what a schema cannot say, before anything runs.
func (c *writeConfig) CheckConfig() error {
	for i, pattern := range c.Files {
		if err := checkPattern(pattern); err != nil {
			return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: fmt.Sprintf("/files/%d", i), Message: err.Error(),
				Suggestion: "globs are relative to the workspace and have *, ? and [a-z]"}
		}
	}
	return nil
}

// write does the same however often it is called for an attempt: it sums again and
// replaces the file as a whole. So there is nothing to keep, and nothing to join.
func write(ctx context.Context, r sdk.Request[writeConfig], s *sdk.Session) (sdk.Result, error) {
	workspace, err := os.OpenRoot(r.Step.Workspace.Path)
	if err != nil {
		return sdk.Result{}, sdk.Errorf(sdk.ClassInternal, "open the workspace: %w", err)
	}
	defer workspace.Close()

	names, err := match(workspace.FS(), r.Config.Files, r.Config.To)
	if err != nil {
		return sdk.Result{}, err
	}
	if len(names) == 0 {
		return sdk.Failed("no file matches %q", r.Config.Files), nil
	}
	sums := make([]sum, 0, len(names))
	for i, name := range names {
		if err := s.Progress(name, 100*i/len(names)); err != nil {
			return sdk.Result{}, err
		}
		digest, err := digestOf(ctx, workspace, name)
		if err != nil {
			return ended(ctx, err)
		}
		sums = append(sums, sum{digest: digest, name: name})
	}
	text := format(sums)
	if err := replace(workspace, r.Config.To, text); err != nil {
		return sdk.Result{}, err
	}
	if _, err := s.Stdout().Write(text); err != nil {
		return sdk.Result{}, err
	}
	if err := s.SetOutput("files", fmt.Sprint(len(sums))); err != nil {
		return sdk.Result{}, err
	}
	if err := s.SetOutput("digest", digestOfBytes(text)); err != nil {
		return sdk.Result{}, err
	}
	return sdk.Succeeded(), nil
}

// verify fails the step, with a line for each file that is not as it was.
func verify(ctx context.Context, r sdk.Request[verifyConfig], s *sdk.Session) (sdk.Result, error) {
	workspace, err := os.OpenRoot(r.Step.Workspace.Path)
	if err != nil {
		return sdk.Result{}, sdk.Errorf(sdk.ClassInternal, "open the workspace: %w", err)
	}
	defer workspace.Close()

	sums, err := readSums(workspace, r.Config.From)
	if err != nil {
		return sdk.Failed("%s", err), nil
	}
	wrong := 0
	for _, want := range sums {
		verdict := "OK"
		switch digest, err := digestOf(ctx, workspace, want.name); {
		case ctx.Err() != nil:
			return ended(ctx, err)
		case err != nil:
			verdict = "FAILED to read"
		case digest != want.digest:
			verdict = "FAILED"
		}
		if verdict != "OK" {
			wrong++
		}
		if _, err := fmt.Fprintf(s.Stdout(), "%s: %s\n", want.name, verdict); err != nil {
			return sdk.Result{}, err
		}
	}
	if wrong > 0 {
		return sdk.Failed("%d of %d files are not as they were", wrong, len(sums)), nil
	}
	return sdk.Succeeded(), nil
}

// ended tells a cancelled step from one that was let go of or broke.
func ended(ctx context.Context, err error) (sdk.Result, error) {
	if _, cancelled := sdk.CancelGrace(ctx); cancelled {
		return sdk.Cancelled(), nil
	}
	return sdk.Result{}, err
}
