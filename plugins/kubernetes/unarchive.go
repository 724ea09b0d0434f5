package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// unpacking brings the files of a pod back into a folder: those that the step made or
// changed are written, those that it removed are removed, and all others are left as
// they are, since steps beside this one may have changed them.
type unpacking struct {
	root    *os.Root
	brought manifest
	left    *budget
	seen    map[string]bool
}

// unpack reads a tar archive of the whole workspace. Nothing outside of the folder is
// ever touched, whatever names and links the archive has. Owners are not kept, nor are
// setuid bits; devices, pipes and sockets are passed over.
func unpack(folder string, from io.Reader, brought manifest, limit int64) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	u := &unpacking{root: root, brought: brought, left: newBudget(limit), seen: map[string]bool{}}
	archive := tar.NewReader(from)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the files from the pod: %w", err)
		}
		if err := u.one(header, archive); err != nil {
			return err
		}
	}
	// What follows the archive's end has to be read, or its writer would hang.
	if _, err := io.Copy(io.Discard, from); err != nil {
		return fmt.Errorf("read the files from the pod: %w", err)
	}
	return u.removeMissing()
}

// one takes one entry of the archive.
func (u *unpacking) one(header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if name == "." {
		return nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("the pod sent a file outside of the workspace: %q", header.Name)
	}
	if err := u.left.take(header.Size); err != nil {
		return err
	}
	u.seen[name] = true
	mode := header.FileInfo().Mode().Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(name, mode)
	case tar.TypeReg:
		return u.file(name, mode, content)
	case tar.TypeSymlink:
		if u.brought[name] == like(fs.ModeSymlink|0o777, header.Linkname) {
			return nil
		}
		return u.replace(name, func() error { return u.root.Symlink(header.Linkname, name) })
	case tar.TypeLink:
		target := path.Clean(header.Linkname)
		if !filepath.IsLocal(filepath.FromSlash(target)) {
			return fmt.Errorf("the pod sent a link to outside of the workspace: %q", header.Name)
		}
		return u.replace(name, func() error { return u.root.Link(target, name) })
	}
	return nil
}

func (u *unpacking) folder(name string, mode fs.FileMode) error {
	if u.brought[name] == like(fs.ModeDir|mode, "folder") {
		return nil
	}
	if info, err := u.root.Lstat(name); err == nil && info.IsDir() {
		return u.root.Chmod(name, mode|0o700)
	}
	// The server has to be able to write into it, and to remove it.
	return u.replace(name, func() error { return u.root.Mkdir(name, mode|0o700) })
}

// file writes a file aside and puts it in its place when it differs from what was
// copied into the pod.
func (u *unpacking) file(name string, mode fs.FileMode, content io.Reader) error {
	const aside = ".patchbay-file"
	temporary := path.Join(path.Dir(name), aside)
	sum := sha256.New()
	out, err := u.create(temporary)
	if err != nil {
		return fmt.Errorf("write a file of the step: %w", err)
	}
	_, err = io.Copy(io.MultiWriter(out, sum), content)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	unchanged := u.brought[name] == like(mode, hex.EncodeToString(sum.Sum(nil)))
	if err != nil || unchanged {
		return errors.Join(err, u.root.Remove(temporary))
	}
	if err := u.root.Chmod(temporary, mode); err != nil {
		return err
	}
	if info, err := u.root.Lstat(name); err == nil && info.IsDir() {
		if err := u.root.RemoveAll(name); err != nil {
			return err
		}
	}
	return u.root.Rename(temporary, name)
}

// create makes a file anew, and the folders that it is in.
func (u *unpacking) create(name string) (*os.File, error) {
	_ = u.root.Remove(name)
	open := func() (*os.File, error) { return u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) }
	file, err := open()
	if errors.Is(err, fs.ErrNotExist) {
		if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return nil, err
		}
		return open()
	}
	return file, err
}

// replace removes what is in the way before something is made.
func (u *unpacking) replace(name string, make func() error) error {
	if err := u.root.RemoveAll(name); err != nil {
		return fmt.Errorf("write a file of the step: %w", err)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write a file of the step: %w", err)
	}
	if err := make(); err != nil {
		return fmt.Errorf("write a file of the step: %w", err)
	}
	return nil
}

// removeMissing removes what was copied into the pod and is not there any more; of
// folders only those that are empty.
func (u *unpacking) removeMissing() error {
	names := slices.Sorted(maps.Keys(u.brought))
	for _, name := range slices.Backward(names) { // what is in a folder comes before it
		if u.seen[name] {
			continue
		}
		err := u.root.Remove(name)
		isFolder := strings.HasPrefix(u.brought[name], "d")
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !isFolder {
			return fmt.Errorf("remove a file that the step removed: %w", err)
		}
	}
	return nil
}
