package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxDepth bounds how deep folders may be in each other.
const maxDepth = 200

// copier copies a tree out of the workspace. Both ends are opened as roots, out of which no
// link leads. Files are cloned where the file system can (the standard library asks it to
// with copy_file_range(2)), and never hard links: a later step that writes to its workspace
// would write to what is live.
type copier struct {
	from, to     *os.Root
	exclude      []string
	files, bytes int64
	policy       *policy
}

// copyFiles brings the source to place/files; that name is there only with all of it.
func (c *connector) copyFiles(ctx context.Context, workspace string, w wanted, place string) (*copier, error) {
	whole := filepath.Join(place, filesFolder)
	if err := os.RemoveAll(whole); err != nil { // of a try that did not get to note it
		return nil, fmt.Errorf("remove what an earlier try left: %w", err)
	}
	part := filepath.Join(place, partFolder)
	if err := os.Mkdir(part, 0o755); err != nil {
		return nil, noRoom("make the release's folder", err)
	}
	to, err := os.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	work, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	defer work.Close()
	k := &copier{from: work, to: to, exclude: w.exclude, policy: c.policy}
	source := filepath.Clean(w.source)
	info, err := work.Stat(source)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, invalid("/source", "an earlier step must make it", "source %q does not exist in the workspace", w.source)
	case err != nil:
		return nil, invalid("/source", "give a path relative to the workspace, without leaving it", "source %q cannot be opened: %v", w.source, err)
	case info.IsDir():
		if k.from, err = work.OpenRoot(source); err != nil {
			return nil, fmt.Errorf("open the source: %w", err)
		}
		defer k.from.Close()
		err = fs.WalkDir(k.from.FS(), ".", func(name string, entry fs.DirEntry, err error) error { return k.visit(ctx, name, entry, err) })
	default:
		err = k.file(source, filepath.Base(source), info)
	}
	if err == nil {
		err = settle(part)
	}
	if err == nil {
		err = os.Rename(part, whole)
	}
	if err != nil {
		return nil, noRoom("copy the files", err)
	}
	return k, nil
}

// visit copies one entry of the tree.
func (k *copier) visit(ctx context.Context, name string, entry fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case name == ".":
		return nil
	case k.excluded(name):
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	case strings.Count(name, "/") >= maxDepth:
		return invalid("/source", "exclude it", "%.200s… is more than %d folders deep", name, maxDepth)
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case 0:
		return k.file(name, name, info)
	case fs.ModeDir:
		if err := k.count(0); err != nil {
			return err
		}
		if err := k.to.Mkdir(name, 0o700); err != nil {
			return err
		}
		// What cannot be written to could not be removed.
		return k.to.Chmod(name, info.Mode().Perm()|0o700)
	case fs.ModeSymlink:
		return k.link(name)
	}
	return invalid("/source", "add it to exclude", "%s is neither a file nor a folder nor a symbolic link", name)
}

// excluded says whether a pattern fits the name or, with a slash in it, the path.
func (k *copier) excluded(name string) bool {
	for _, pattern := range k.exclude {
		candidate := path.Base(name)
		if strings.Contains(pattern, "/") {
			candidate = name
		}
		if fits, _ := path.Match(pattern, candidate); fits {
			return true
		}
	}
	return false
}

// count keeps the operator's bounds.
func (k *copier) count(bytes int64) error {
	k.files++
	k.bytes += bytes
	if k.files > k.policy.maxFiles || k.bytes > k.policy.maxBytes {
		return invalid("/source", "exclude what is not needed, or have the operator raise "+settingMaxFiles+" or "+settingMaxBytes,
			"the source has more than %d files or %d bytes", k.policy.maxFiles, k.policy.maxBytes)
	}
	return nil
}

func (k *copier) file(source, name string, info fs.FileInfo) error {
	if err := k.count(info.Size()); err != nil {
		return err
	}
	from, err := k.from.OpenFile(source, os.O_RDONLY|syscall.O_NONBLOCK, 0) // not to wait for what has become a pipe
	if err != nil {
		return err
	}
	defer from.Close()
	mode := info.Mode().Perm() // without the bits that change who runs it
	to, err := k.to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// One that grows while it is copied would not be bounded.
	_, err = io.Copy(to, io.LimitReader(from, info.Size()))
	err = errors.Join(err, to.Chmod(mode), to.Close())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return k.to.Chtimes(name, info.ModTime(), info.ModTime())
}

// link copies a symbolic link that stays in the tree, by its text and in fact.
func (k *copier) link(name string) error {
	if err := k.count(0); err != nil {
		return err
	}
	text, err := k.from.Readlink(name)
	if err != nil {
		return err
	}
	local := !path.IsAbs(text) && filepath.IsLocal(path.Join(path.Dir(name), text))
	if _, err := k.from.Stat(name); local && err != nil && !errors.Is(err, fs.ErrNotExist) {
		local = false
	}
	if !local {
		return invalid("/source", "make it relative and within source, or add it to exclude", "the symbolic link %s leads out of the source, to %.200s", name, text)
	}
	return k.to.Symlink(text, name)
}

// noRoom tells what a machine lacks from what is wrong with a config.
func noRoom(what string, err error) error {
	var known *sdk.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &sdk.Error{Class: sdk.ClassExternalService, Err: err, Message: what + ": there is no room left on the disk; what is live is as it was",
			Suggestion: "make room, or have fewer releases kept (keep)"}
	}
	return fmt.Errorf("%s: %w", what, err)
}
