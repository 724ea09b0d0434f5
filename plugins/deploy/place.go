package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

// existingAside is what Existing is when what is in the target's place is moved away.
const existingAside = "move_aside"

// target is a symbolic link to the live release's files, in a folder opened as a root: no
// link that somebody put there leads out of what the operator allows.
type target struct {
	root       *os.Root
	name       string // in root
	path       string // for people, and for links
	deployPath string
}

// openTarget opens the folder a target is in, and makes it if asked to.
func (c *connector) openTarget(deployPath, name string, make bool) (*target, error) {
	root, relative, err := c.policy.open(deployPath, name)
	if err != nil {
		return nil, err
	}
	t := &target{root: root, name: relative, path: filepath.Join(root.Name(), relative), deployPath: deployPath}
	if make {
		if err := root.MkdirAll(filepath.Dir(relative), 0o755); err != nil {
			root.Close()
			return nil, sdk.Errorf(sdk.ClassExternalService, "the folder of target_directory cannot be made: %w", err)
		}
	}
	return t, nil
}

// Close lets go of the folder.
func (t *target) Close() error { return t.root.Close() }

// beside is a name of this connector's own next to the target.
func (t *target) beside(what string) string {
	return filepath.Join(filepath.Dir(t.name), "."+filepath.Base(t.name)+"."+what)
}

// releaseFolder makes the folder of a release beside the target.
func (t *target) releaseFolder(id string) (string, error) {
	name := filepath.Join(t.beside(releasesFolder), id)
	if err := t.root.MkdirAll(name, 0o755); err != nil {
		return "", noRoom("make the release's folder", err)
	}
	return filepath.Join(t.root.Name(), name), nil
}

// linked returns the ID of the release that the target links to, if the connector made the
// link for the service. there says whether anything is in the place.
func (t *target) linked(service string) (id string, there bool, err error) {
	info, err := t.root.Lstat(t.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case err != nil:
		return "", false, sdk.Errorf(sdk.ClassExternalService, "look at target_directory: %w", err)
	case info.Mode().Type() != fs.ModeSymlink:
		return "", true, nil
	}
	to, err := t.root.Readlink(t.name)
	if err != nil {
		return "", true, err
	}
	folder := filepath.Dir(to)
	kept, err := recordFolder(t.deployPath, filepath.Base(folder))
	if err != nil {
		return "", true, nil // not a name of ours
	}
	r, err := readRecord(kept)
	if err != nil || r == nil || r.Folder != folder || r.Service != service {
		return "", true, err
	}
	return filepath.Base(folder), true, nil
}

// free refuses a target in whose place is what the connector did not make for the service.
func (t *target) free(service string, moveAside bool) error {
	id, there, err := t.linked(service)
	if err != nil || !there || id != "" || moveAside {
		return err
	}
	return invalid("/target_directory", "move it away, name another target_directory, or write existing: move_aside",
		"%s exists, and service %s did not make it; it is left as it is", t.path, service)
}

// switchTo has the target link to a folder from now on, in one step: who opens it finds the
// old one or the new one. What is not ours in the place is kept beside it.
func (t *target) switchTo(folder, service, instance string, moveAside bool) error {
	if err := t.free(service, moveAside); err != nil {
		return err
	}
	temporary, aside := t.beside("new-"+instance), t.name+".before-"+instance
	if err := t.clear(temporary, aside, folder); err != nil {
		return err
	}
	id, there, err := t.linked(service)
	if err != nil {
		return err
	}
	if err := t.root.Symlink(folder, temporary); err != nil {
		return noRoom("make the link", err)
	}
	if !there || id != "" {
		return t.root.Rename(temporary, t.name)
	}
	if err := exchange(t.root, temporary, t.name); err != nil {
		return errors.Join(fmt.Errorf("move %s aside: %w", t.path, err), t.root.Remove(temporary))
	}
	return t.root.Rename(temporary, aside)
}

// clear removes the link to folder of a switch that broke off; if it had come as far as the
// exchange, what is there is not ours.
func (t *target) clear(temporary, aside, folder string) error {
	info, err := t.root.Lstat(temporary)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		to, err := t.root.Readlink(temporary)
		if err != nil {
			return err
		}
		if to == folder {
			return t.root.Remove(temporary)
		}
	}
	return t.root.Rename(temporary, aside)
}

// remove removes the link to a release, and no other.
func (t *target) remove(service, releaseID string) error {
	id, _, err := t.linked(service)
	if err != nil || id != releaseID {
		return err
	}
	return t.root.Remove(t.name)
}
