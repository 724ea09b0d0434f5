//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideVariable tells a process of this program that it has mounts of its own.
const insideVariable = "CHAOS_INSIDE"

// place is where a data folder is, so that its disk can be tormented without harm
// to any other.
type place struct {
	folder string
	// kind is what it stands on: ext4 on a loop device, tmpfs, or the small shared
	// memory of a container.
	kind string
	undo []func() error
}

// Kinds of places.
const (
	placeLoop   = "ext4 on a loop device"
	placeMemory = "a tmpfs of its own"
	placeShared = "the container's small /dev/shm"
	placePlain  = "an ordinary folder"
)

// placeSize is the size of a disk of one's own: what a few hundred executions need.
const placeSize = 96 << 20

// reexec runs this program again with mounts of its own, which go with it however
// it ends. It reports false when this machine does not allow that.
func reexec(ctx context.Context, args []string) (done bool, err error) {
	attributes := []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM},
		{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGTERM,
			// Not root inside, and with one right of it: for the others a folder without
			// rights is a folder without rights.
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
			AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN}},
	}
	for _, attribute := range attributes {
		command := exec.CommandContext(ctx, "/proc/self/exe", args...)
		command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
		command.Env = append(os.Environ(), insideVariable+"=1")
		command.Stdout, command.Stderr, command.SysProcAttr = os.Stdout, os.Stderr, attribute
		if command.Start() != nil {
			continue // not allowed
		}
		err := command.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		}
		return true, err
	}
	return false, nil
}

// newPlace mounts a small disk on folder, the best that can be had.
func newPlace(root, folder string) (*place, error) {
	p := &place{folder: folder, kind: placePlain}
	if os.Getenv(insideVariable) == "" {
		return p, p.shared(root)
	}
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return p, p.shared(root)
	}
	if p.loop(root) == nil {
		return p, nil
	}
	if unix.Mount("none", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", placeSize)) == nil {
		p.kind = placeMemory
		p.undo = append(p.undo, func() error { return unix.Unmount(folder, unix.MNT_DETACH) })
		return p, nil
	}
	return p, p.shared(root)
}

// loop makes an ext4 in a file.
func (p *place) loop(root string) error {
	image := filepath.Join(root, "disk")
	file, err := os.Create(image)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(placeSize), file.Close()); err != nil {
		return err
	}
	for _, line := range [][]string{
		{"mkfs.ext4", "-q", "-F", "-m", "0", image},
		{"mount", "-o", "loop", image, p.folder},
	} {
		command := exec.Command(line[0], line[1:]...)
		command.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line[0], err, output)
		}
	}
	p.kind = placeLoop
	p.undo = append(p.undo, func() error { return unix.Unmount(p.folder, 0) })
	return os.Chmod(p.folder, 0o700)
}

// shared takes a container's small /dev/shm, by a link, if there is one.
func (p *place) shared(root string) error {
	var about unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &about); err != nil || about.Blocks*uint64(about.Bsize) > 4*placeSize {
		return nil // an ordinary folder: what needs more says so
	}
	folder, err := os.MkdirTemp("/dev/shm", "chaos-")
	if err != nil {
		return nil
	}
	p.kind = placeShared
	p.undo = append(p.undo, func() error { return os.RemoveAll(folder) })
	return errors.Join(os.Remove(p.folder), os.Symlink(folder, p.folder))
}

func (p *place) remove() error {
	var errs []error
	for _, undo := range p.undo {
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}
