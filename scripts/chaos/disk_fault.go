//go:build linux

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fault is one kind of trouble with the disk of the data folder.
type fault struct {
	name string
	// begin brings the trouble and returns what ends it; call that once. It takes at
	// most as long as the trouble lasts by itself.
	begin func(ctx context.Context, s *stand, p *place, lasts time.Duration) (end func() error, how string, err error)
	// harmless: steps that run meanwhile are only late, so all must end with success.
	harmless bool
	// startable: a server that is started meanwhile serves.
	startable bool
}

func faults() []fault {
	return []fault{
		{name: "full", begin: fill},
		{name: "read-only", begin: forbid},
		{name: "frozen", begin: freeze, harmless: true, startable: true},
		{name: "locked", begin: lock, harmless: true, startable: true},
	}
}

// fill takes all the room of the disk, and then whatever becomes free.
func fill(ctx context.Context, s *stand, p *place, _ time.Duration) (func() error, string, error) {
	if p.kind == placePlain {
		return nil, "", errors.New("a full disk needs one of its own: run this as root, or where user namespaces are allowed, or in a container with a small /dev/shm")
	}
	ballast := filepath.Join(s.data, "ballast")
	file, err := os.OpenFile(ballast, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, "", err
	}
	ctx, stop := context.WithCancel(ctx)
	full, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		size, once := 1<<20, false
		for ctx.Err() == nil {
			if _, err := file.Write(make([]byte, size)); err == nil {
				continue
			}
			if size > 1 {
				size /= 4
				continue
			}
			if !once {
				close(full)
				once = true
			}
			sleep(ctx, 20*time.Millisecond)
		}
	}()
	<-full
	return func() error {
		stop()
		<-gone
		return errors.Join(file.Close(), os.Remove(ballast))
	}, "filled to the last byte, " + p.kind, nil
}

// forbid makes every file and folder immutable, so that writes fail at once, also
// through files that are open; where that cannot be had it takes away the rights.
func forbid(_ context.Context, s *stand, p *place, _ time.Duration) (func() error, string, error) {
	if p.kind == placeLoop {
		return func() error { return setImmutable(s.data, false) }, "all made immutable, " + p.kind, setImmutable(s.data, true)
	}
	return func() error { return chmodAll(s.data, 0o700, 0o600) }, "rights taken away, " + p.kind, chmodAll(s.data, 0o500, 0o400)
}

// setImmutable sets or clears the flag on all there is below a folder (see
// ioctl_iflags(2)).
func setImmutable(root string, on bool) error {
	const immutable = 0x10
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || (!entry.IsDir() && !entry.Type().IsRegular()) {
			return ignoreMissing(err)
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return ignoreMissing(err)
		}
		defer unix.Close(fd)
		flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
		if err != nil {
			return err
		}
		if on {
			flags |= immutable
		} else {
			flags &^= immutable
		}
		return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, flags)
	})
}

func chmodAll(root string, folders, files fs.FileMode) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return ignoreMissing(err)
		case entry.IsDir():
			return ignoreMissing(os.Chmod(path, folders|0o500))
		case entry.Type().IsRegular():
			return ignoreMissing(os.Chmod(path, files))
		}
		return nil
	})
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// freeze stops all writes to the disk for a time: each waits, none fails. Another
// process does it, so that the disk thaws whatever becomes of this one.
func freeze(ctx context.Context, s *stand, p *place, lasts time.Duration) (func() error, string, error) {
	if p.kind != placeLoop {
		end, how, err := lock(ctx, s, p, lasts)
		return end, "this needs root and a loop device; instead: " + how, err
	}
	command := exec.Command("/proc/self/exe", "hold-frozen", s.data, lasts.String())
	command.Stderr = os.Stderr
	command.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, "", err
	}
	return command.Wait, "frozen for " + lasts.String() + ", " + p.kind, nil
}

// holdFrozen is the other process (see FIFREEZE in ioctl_fs(2), fsfreeze(8)).
func holdFrozen(folder string, duration time.Duration) error {
	const fifreeze, fithaw = 0xc0045877, 0xc0045878
	fd, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.IoctlSetInt(fd, fifreeze, 0); err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	time.Sleep(duration)
	return unix.IoctlSetInt(fd, fithaw, 0)
}

// lock takes the database for a time, as a backup or a curious person does.
func lock(ctx context.Context, s *stand, _ *place, lasts time.Duration) (func() error, string, error) {
	files, err := filepath.Glob(filepath.Join(s.data, "*.db"))
	if err != nil || len(files) != 1 {
		return nil, "", fmt.Errorf("databases: %v, %w", files, err)
	}
	db, err := sql.Open("sqlite", "file:"+files[0]+"?_pragma=busy_timeout(20000)")
	if err != nil {
		return nil, "", err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	}
	if err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	free := time.After(lasts)
	return func() error {
		select {
		case <-free:
		case <-ctx.Done():
		}
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, conn.Close(), db.Close())
	}, "the database locked for " + lasts.String(), nil
}

// chosen picks faults by their names.
func chosen(list string) ([]fault, error) {
	var picked []fault
	for name := range strings.SplitSeq(list, ",") {
		found := false
		for _, f := range faults() {
			if f.name == name {
				picked, found = append(picked, f), true
			}
		}
		if !found {
			return nil, fmt.Errorf("-fault %s: there are full, read-only, frozen and locked", name)
		}
	}
	return picked, nil
}
