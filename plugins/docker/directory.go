package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// workingDirectory resolves a step's working_directory to the container's path.
// It refuses one that is not in the workspace, also by way of a symbolic link, and
// one that is missing: the Engine would make it, and as root.
func workingDirectory(workspace, configured string) (string, error) {
	relative := inContainer(workspace, configured)
	if path.IsAbs(relative) {
		inside, found := strings.CutPrefix(path.Clean(relative)+"/", mountPoint+"/")
		if !found {
			return "", outside(configured)
		}
		relative = inside
	}
	relative = path.Clean(relative)
	if relative == "." {
		return mountPoint, nil
	}
	if !filepath.IsLocal(relative) {
		return "", outside(configured)
	}
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(relative))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/working_directory",
			Message:    fmt.Sprintf("working_directory %q does not exist in the workspace", configured),
			Suggestion: "an earlier step must make it", Err: err}
	case err != nil:
		return "", outside(configured)
	case !info.IsDir():
		return "", invalid("/working_directory", "", "working_directory %q is not a directory", configured)
	}
	return path.Join(mountPoint, relative), nil
}

func outside(configured string) error {
	return invalid("/working_directory", "give a path relative to the workspace, without leaving it",
		"working_directory %q is not in the workspace", configured)
}
