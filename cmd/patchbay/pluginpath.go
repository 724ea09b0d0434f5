package main

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// pluginPath lists the folders in which connectors are looked for: those of first,
// which is written as in PATH, then those beside the program, then the user's own.
func (a *app) pluginPath(first string) []string {
	var folders []string
	for _, folder := range filepath.SplitList(first) {
		if folder != "" {
			folders = append(folders, folder)
		}
	}
	if program, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(program); err == nil {
			program = resolved
		}
		beside := filepath.Dir(program)
		folders = append(folders, filepath.Join(beside, "plugins"), beside)
	}
	if data := a.userFolder("XDG_DATA_HOME", ".local/share"); data != "" {
		folders = append(folders, filepath.Join(data, "patchbay", "plugins"))
	}
	return folders
}

// userFolder is one of the XDG base folders, or "" when there is none. Relative
// ones do not count, says the specification.
func (a *app) userFolder(variable, below string) string {
	if folder := a.getenv(variable); filepath.IsAbs(folder) {
		return folder
	}
	if home := a.getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, below)
	}
	return ""
}

// cacheDir is where connectors' hashes and descriptions are kept. Without a place
// that can be written to, they are learned anew each time: a folder that others
// may write to would let them vouch for a connector.
func (a *app) cacheDir() string {
	if base := a.userFolder("XDG_CACHE_HOME", ".cache"); base != "" {
		if folder := filepath.Join(base, "patchbay"); usableFolder(folder) {
			return folder
		}
	}
	return ""
}

// usableFolder makes a folder for this user alone, and reports whether it can be
// written to.
func usableFolder(folder string) bool {
	return os.MkdirAll(folder, 0o700) == nil && unix.Access(folder, unix.W_OK) == nil
}
