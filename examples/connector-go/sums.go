package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Bounds on what a file of sums may hold.
const (
	maxSumsSize = 16 << 20
	copySize    = 256 << 10
)

// temporaryPrefix is that of files which are not finished.
const temporaryPrefix = ".patchbay-checksum-"

// sum is one line of a file of sums.
type sum struct{ digest, name string }

// checkPattern wants a glob that stays in the workspace.
func checkPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("%q is not a glob", pattern)
	}
	if !fs.ValidPath(pattern) {
		return fmt.Errorf("%q is not a path within the workspace", pattern)
	}
	return nil
}

// match returns the files that match any of the patterns, sorted, each once. The
// files of this connector are none of them, or a second call would sum them too.
func match(files fs.FS, patterns []string, except string) ([]string, error) {
	var names []string
	for _, pattern := range patterns {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			info, err := fs.Stat(files, name)
			ours := name == path.Clean(except) || strings.HasPrefix(path.Base(name), temporaryPrefix)
			if err == nil && info.Mode().IsRegular() && !ours {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// digestOf sums one file, until ctx is done.
func digestOf(ctx context.Context, workspace *os.Root, name string) (string, error) {
	file, err := workspace.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		switch _, err := io.CopyN(hash, file, copySize); err {
		case nil:
		case io.EOF:
			return hex.EncodeToString(hash.Sum(nil)), nil
		default:
			return "", err
		}
	}
}

func digestOfBytes(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// format writes sums as sha256sum does.
func format(sums []sum) []byte {
	var b bytes.Buffer
	for _, s := range sums {
		fmt.Fprintf(&b, "%s  %s\n", s.digest, s.name)
	}
	return b.Bytes()
}

// replace puts text into a file in one step, so that whoever reads it, and a second
// call of the same attempt, sees all of it or nothing.
func replace(workspace *os.Root, name string, text []byte) error {
	// Not named after the attempt alone: two calls for one may be here at once.
	temporary := path.Join(path.Dir(name), temporaryPrefix+rand.Text())
	err := workspace.WriteFile(temporary, text, 0o644)
	if err == nil {
		err = workspace.Rename(temporary, name)
	}
	if err != nil {
		_ = workspace.Remove(temporary) // best effort: the workspace goes with the run
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// readSums reads a file of sums; what it says of a bad line names that line.
func readSums(workspace *os.Root, name string) ([]sum, error) {
	file, err := workspace.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the file of sums cannot be read: %w", err)
	}
	defer file.Close()
	return parseSums(io.LimitReader(file, maxSumsSize), name)
}

func parseSums(r io.Reader, name string) ([]sum, error) {
	var sums []sum
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		digest, file, ok := strings.Cut(lines.Text(), "  ")
		if raw, err := hex.DecodeString(digest); !ok || err != nil || len(raw) != sha256.Size || !fs.ValidPath(file) {
			return nil, fmt.Errorf("%s:%d: not a line of sha256sum", name, number)
		}
		sums = append(sums, sum{digest: strings.ToLower(digest), name: file})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(sums) == 0 {
		return nil, fmt.Errorf("%s has no sums", name)
	}
	return sums, nil
}
