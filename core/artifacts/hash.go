package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// HashFiles is the SHA-256, in hex, over the paths and contents of the files that
// globs choose of a workspace; the same files give the same text on every machine.
// It is "" without an error when no file matches. Globs that are none, or leave the
// workspace, are CodeInvalid, and so is a file that cannot be read.
func HashFiles(workspace string, patterns ...string) (string, error) {
	chosen, err := parse(patterns)
	if err != nil {
		return "", err
	}
	root, err := openWorkspace(workspace)
	if err != nil {
		return "", err
	}
	defer root.Close()
	var lines []string
	err = chosen.walk(context.Background(), root, func(name string, entry fs.DirEntry) error {
		file, err := openFile(root, name, entry)
		if file == nil || err != nil {
			return err
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, file); err != nil {
			return unreadable(name, errors.Join(err, file.Close()))
		}
		// Quoted, so that no name looks like two.
		lines = append(lines, fmt.Sprintf("%q %x\n", name, digest.Sum(nil)))
		return file.Close()
	})
	if err != nil || len(lines) == 0 {
		return "", err
	}
	slices.Sort(lines)
	digest := sha256.New()
	for _, line := range lines {
		_, _ = io.WriteString(digest, line) // a hash takes everything
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
