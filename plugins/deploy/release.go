package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/filelock"
)

// spec is what a release's instances need to know; the host keeps it.
type spec struct {
	Action string `json:"action"`
	// Files is the folder of the release's files.
	Files string `json:"files"`
	// Target is what is switched, as in the config; empty for a service that has none.
	Target           string   `json:"target,omitempty"`
	MoveAside        bool     `json:"move_aside,omitempty"`
	Command          []string `json:"command,omitempty"`
	WorkingDirectory string   `json:"working_directory,omitempty"`
	User             string   `json:"user,omitempty"`
}

func readSpec(i sdk.Instance) (spec, error) {
	var s spec
	if err := json.Unmarshal(i.Spec, &s); err != nil || s.Files == "" {
		return s, sdk.Errorf(sdk.ClassInvalidConfig, "the release of service %s was not made by this connector", i.Service)
	}
	return s, nil
}

// record is what is kept of a release beside its files. It is there before the first file
// is, so that what broke off is found, and has its Release when all are there.
type record struct {
	Service string `json:"service"`
	// Folder is the release's own, outside of which nothing of it is.
	Folder  string      `json:"folder"`
	Files   int64       `json:"files"`
	Bytes   int64       `json:"bytes"`
	Done    bool        `json:"done"`
	Release sdk.Release `json:"release"`
}

const (
	releasesFolder = "releases"
	recordFile     = "record.json"
	filesFolder    = "files"
	partFolder     = "files.part"
)

// nameable is what may be part of a path.
var nameable = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,199}$`)

// recordFolder is where the record of a release is, and all that its instances leave.
func recordFolder(deployPath, releaseID string) (string, error) {
	if deployPath == "" || !nameable.MatchString(releaseID) {
		return "", sdk.Errorf(sdk.ClassInternal, "the host gave no deploy_path, or the ID %.80q", releaseID)
	}
	return filepath.Join(deployPath, releasesFolder, releaseID), nil
}

// readRecord returns nil when there is none.
func readRecord(folder string) (*record, error) {
	data, err := os.ReadFile(filepath.Join(folder, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r record
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of a release: %w", err)
	}
	return &r, nil
}

// writeWhole writes a file that is seen whole or not at all, also after a crash of the
// machine.
func writeWhole(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// make copies the files of a release, if no earlier try has. What a try that broke off left
// is removed first; what exists of other releases is not touched.
func (c *connector) make(ctx context.Context, step sdk.Step, w wanted, progress func(string) error) (*record, error) {
	folder, err := recordFolder(step.Workspace.DeployPath, step.AttemptID)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the release's folder: %w", err)
	}
	unlock, err := filelock.Take(ctx, filepath.Join(folder, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := readRecord(folder)
	if err != nil || r != nil && r.Done {
		return r, err
	}
	if err := c.mayRun(w.spec.User); err != nil {
		return nil, err
	}
	place, err := c.prepare(step, &w)
	if err != nil {
		return nil, err
	}
	r = &record{Service: w.release.Service, Folder: place, Release: w.release}
	if err := writeWhole(filepath.Join(folder, recordFile), r); err != nil {
		return nil, noRoom("note the release", err)
	}
	if err := os.RemoveAll(filepath.Join(place, partFolder)); err != nil {
		return nil, fmt.Errorf("remove what an earlier try left: %w", err)
	}
	if err := progress("copying the files"); err != nil {
		return nil, err
	}
	copied, err := c.copyFiles(ctx, step.Workspace.Path, w, place)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(filepath.Join(place, partFolder)))
	}
	r.Files, r.Bytes, r.Done = copied.files, copied.bytes, true
	if r.Release.Spec, err = json.Marshal(w.spec); err != nil {
		return nil, err
	}
	if err := writeWhole(filepath.Join(folder, recordFile), r); err != nil {
		return nil, noRoom("note the release", err)
	}
	return r, nil
}

// prepare finds where the files of the release go: beside their target, so that whoever
// may read that finds them, or, without one, into the record's folder. It looks whether the
// target may be switched, before anything is copied.
func (c *connector) prepare(step sdk.Step, w *wanted) (place string, err error) {
	deployPath, id := step.Workspace.DeployPath, step.AttemptID
	if w.spec.Target == "" || !filepath.IsAbs(w.spec.Target) {
		if place, err = recordFolder(deployPath, id); err != nil {
			return "", err
		}
	}
	if w.spec.Target != "" {
		target, err := c.openTarget(deployPath, w.spec.Target, true)
		if err != nil {
			return "", err
		}
		defer target.Close()
		if err := target.free(w.release.Service, w.spec.MoveAside); err != nil {
			return "", err
		}
		if place == "" {
			if place, err = target.releaseFolder(id); err != nil {
				return "", err
			}
		}
	}
	w.spec.Files = filepath.Join(place, filesFolder)
	return place, nil
}

// RemoveRelease implements sdk.Deployer.
func (c *connector) RemoveRelease(_ context.Context, r sdk.RemoveReleaseRequest) error {
	folder, err := recordFolder(r.DeployPath, r.ReleaseID)
	if err != nil {
		return err
	}
	known, err := readRecord(folder)
	if err != nil {
		return err
	}
	if known != nil && known.Folder != folder {
		if err := os.RemoveAll(known.Folder); err != nil {
			return fmt.Errorf("remove the files of a release: %w", err)
		}
		// The folder of all releases of the target goes with the last.
		_ = os.Remove(filepath.Dir(known.Folder))
	}
	// The record goes last: without it the files would not be found again.
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.Name() != recordFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, entry.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove a release: %w", err)
	}
	return os.RemoveAll(folder)
}
