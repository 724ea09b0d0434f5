package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// exchange swaps two names of one folder in one step; see renameat2(2).
func exchange(root *os.Root, one, other string) error {
	folder, err := root.Open(filepath.Dir(one))
	if err != nil {
		return err
	}
	handle := int(folder.Fd())
	err = unix.Renameat2(handle, filepath.Base(one), handle, filepath.Base(other), unix.RENAME_EXCHANGE)
	return errors.Join(err, folder.Close())
}

// settle has the file system of a folder on disk; see syncfs(2).
func settle(folder string) error {
	file, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(file.Fd())), file.Close())
}
