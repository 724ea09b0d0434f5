package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxFiles bounds how many files are copied.
const maxFiles = 500_000

// manifest has what was copied into a pod: path to what it was like. With it, what the
// step changed is told from what others changed meanwhile.
type manifest map[string]string

// like describes a file so that two descriptions are equal when nothing about it that
// is kept differs: kind, permissions and content.
func like(mode fs.FileMode, content string) string {
	return fmt.Sprintf("%v %s", mode&(fs.ModeType|fs.ModePerm), content)
}

// budget is how much may still be copied.
type budget struct {
	bytes, files int64
	limit        int64
}

func newBudget(limit int64) *budget { return &budget{bytes: limit, files: maxFiles, limit: limit} }

func (b *budget) take(size int64) error {
	b.bytes -= size
	b.files--
	if b.bytes >= 0 && b.files >= 0 {
		return nil
	}
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/workspace",
		Message: fmt.Sprintf("the workspace has more than %d MiB or %d files, which is the most that is copied", b.limit>>20, maxFiles),
		Suggestion: "set workspace: none and have the step get its files with repository_url, or use_hostpath; the operator can raise " +
			copyLimitSetting}
}

// pack writes a folder as a tar archive (POSIX.1-2001) and returns what is in it.
// Sockets, pipes and devices are left out.
func pack(folder string, to io.Writer, limit int64) (manifest, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	archive, left, packed := tar.NewWriter(to), newBudget(limit), manifest{}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := packOne(root, archive, name, info, left)
		if err == nil && content != "" {
			packed[name] = like(info.Mode(), content)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return packed, archive.Close()
}

// packOne adds one file, and returns a description of its content; empty for what is
// left out.
func packOne(root *os.Root, archive *tar.Writer, name string, info fs.FileInfo, left *budget) (string, error) {
	var target string
	switch info.Mode().Type() {
	case 0:
	case fs.ModeDir:
	case fs.ModeSymlink:
		var err error
		if target, err = root.Readlink(name); err != nil {
			return "", err
		}
	default:
		return "", nil
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return "", err
	}
	// The pod's user owns what is unpacked; whose it is here is nobody's business.
	header.Name, header.Uid, header.Gid, header.Uname, header.Gname = name, 0, 0, "", ""
	header.Mode = int64(info.Mode().Perm())
	if info.IsDir() {
		header.Name += "/"
	}
	if err := left.take(header.Size); err != nil {
		return "", err
	}
	if err := archive.WriteHeader(header); err != nil {
		return "", err
	}
	switch {
	case info.IsDir():
		return "folder", nil
	case target != "":
		return target, nil
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(archive, sum), file, header.Size); err != nil {
		return "", fmt.Errorf("copy %s, which may have changed meanwhile: %w", path.Base(name), err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
