package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/artifacts"
	"github.com/patchbay-ci/patchbay/core/blob"
	"github.com/patchbay-ci/patchbay/core/engine"
)

// mentionsFiles reports whether a pipeline file can want files kept: opening a place
// for them costs more than most short steps.
func mentionsFiles(source []byte) bool {
	for _, word := range []string{"artifact", "cache", "hash"} {
		if bytes.Contains(source, []byte(word)) {
			return true
		}
	}
	return false
}

// keepFiles makes a place for the artifacts, and caches if need be, of the runs of one process.
func (l *localRunner) keepFiles() error {
	blobs, err := blob.Open(filepath.Join(l.folder, "blobs"))
	if err != nil {
		return err
	}
	l.blobs = blobs
	return nil
}

// files is what the engine keeps files with, and nil when there is no place for them.
func (l *localRunner) files(store core.Store, spec *core.Spec) (*artifacts.Service, engine.Files) {
	if l.blobs == nil {
		return nil, nil
	}
	service := artifacts.New(store, l.blobs, artifacts.Limits{}, l.log)
	if l.caches == nil {
		return service, service
	}
	return service, &filesWithCaches{Service: service, caches: l.caches, scope: l.caches.scope(spec.Name)}
}

// saveArtifacts writes the artifacts of an execution below a folder, each into one of
// its name. The folder is made even when there are none. files may be nil.
func saveArtifacts(ctx context.Context, files *artifacts.Service, executionID, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("--artifacts: %w", err)
	}
	if files == nil {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("--artifacts: %w", err)
	}
	defer root.Close()
	list, err := files.Artifacts(ctx, executionID)
	if err != nil {
		return err
	}
	for _, a := range list {
		if err := saveLocalArtifact(ctx, files, a, root); err != nil {
			return fmt.Errorf("artifact %s could not be written below %s: %w", a.Name, folder, err)
		}
	}
	return nil
}

// saveLocalArtifact writes the files of one artifact. Nothing is written outside of
// the folder, whatever names the pipeline gave and whatever links are there.
func saveLocalArtifact(ctx context.Context, files *artifacts.Service, a *core.Artifact, root *os.Root) error {
	below := filepath.FromSlash(a.Name)
	if !filepath.IsLocal(below) {
		return errors.New("its name would be outside of the folder")
	}
	for i := range a.Files {
		name := filepath.FromSlash(a.Files[i].Path)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q would be outside of the folder", name)
		}
		if err := saveLocalFile(ctx, files, a, i, root, filepath.Join(below, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// saveLocalFile writes one file: it is there whole or not at all.
func saveLocalFile(ctx context.Context, files *artifacts.Service, a *core.Artifact, index int, root *os.Root, name string) (err error) {
	content, file, err := files.OpenFile(ctx, a, a.Files[index].Path)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	partial := name + ".partial"
	out, err := root.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fs.FileMode(file.Mode)&fs.ModePerm|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, root.Remove(partial))
	}
	return root.Rename(partial, name)
}
