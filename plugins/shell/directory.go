package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

// workingDirectory resolves a step's working_directory. It refuses one that is
// not in the workspace, also by way of a symbolic link.
func workingDirectory(workspace, configured string) (string, error) {
	if configured == "" || configured == "." {
		return workspace, nil
	}
	relative := configured
	if filepath.IsAbs(configured) {
		var err error
		if relative, err = filepath.Rel(workspace, configured); err != nil {
			return "", outside(configured)
		}
	}
	if !filepath.IsLocal(relative) {
		return "", outside(configured)
	}
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(relative)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/working_directory",
			Message:    fmt.Sprintf("working_directory %q does not exist in the workspace", configured),
			Suggestion: "an earlier step must make it", Err: err}
	case err != nil:
		return "", outside(configured)
	case !info.IsDir():
		return "", &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/working_directory",
			Message: fmt.Sprintf("working_directory %q is not a directory", configured)}
	}
	return filepath.Join(workspace, relative), nil
}

func outside(configured string) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/working_directory",
		Message:    fmt.Sprintf("working_directory %q is not in the workspace", configured),
		Suggestion: "give a path relative to the workspace, without leaving it"}
}
