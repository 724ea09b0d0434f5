package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/patchbay-ci/patchbay/sdk"
)

// ignoreFile is the name that the Engine knows: what it lists is removed from the
// context before the build sees it.
const ignoreFile = ".dockerignore"

// buildContext writes the files of a build as a tar, a piece at a time, with the
// rules of docker build: what .dockerignore excludes is not sent, links are sent as
// links and never followed, owners become root. Files are opened below the context's
// folder only, whatever another step makes of it meanwhile.
type buildContext struct {
	*sources
	rules      *patternmatcher.PatternMatcher
	dockerfile string            // its name in the tar
	extra      map[string][]byte // what is sent besides, or in place of, the folder's files

	parents []parent
	tar     *tar.Writer
	sent    func(bytes int64) // told how much has been sent, often
	whole   func() error      // called when all has been sent, but for the end mark
	total   int64
	skipped []string
}

// parent is a folder of the entry that is looked at, and what the rules say of it.
type parent struct {
	prefix string
	match  patternmatcher.MatchInfo
}

func newBuildContext(s *sources, sent func(int64)) (*buildContext, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(s.ignore))
	if err != nil {
		return nil, badRules(err)
	}
	b := &buildContext{sources: s, dockerfile: s.dockerfile, extra: map[string][]byte{}, sent: sent,
		whole: func() error { return nil }}
	if s.dockerfile == "" {
		// The Engine takes it out again, and the rules with it if they are ours alone.
		sum := sha256.Sum256(s.text)
		b.dockerfile = ".dockerfile." + hex.EncodeToString(sum[:10])
		b.extra[b.dockerfile] = s.text
		hidden := append(bytes.Clone(s.ignore), []byte("\n"+b.dockerfile+"\n")...)
		if _, err := s.root.Lstat(ignoreFile); errors.Is(err, fs.ErrNotExist) {
			hidden = append(hidden, []byte(ignoreFile+"\n")...)
		}
		b.extra[ignoreFile] = hidden
	}
	// The Engine needs both, also when they are excluded; it removes them then.
	for _, needed := range []string{ignoreFile, s.dockerfile} {
		if excluded, err := patternmatcher.MatchesOrParentMatches(needed, patterns); err != nil {
			return nil, badRules(err)
		} else if needed != "" && excluded {
			patterns = append(patterns, "!"+needed)
		}
	}
	if b.rules, err = patternmatcher.New(patterns); err != nil {
		return nil, badRules(err)
	}
	return b, nil
}

func badRules(err error) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/build_context", Err: err,
		Message:    "the .dockerignore cannot be understood: " + err.Error(),
		Suggestion: "each line is a pattern such as node_modules, **/*.log or !keep.log"}
}

// write sends the context. It stops when ctx is done.
func (b *buildContext) write(ctx context.Context, to io.Writer) error {
	b.tar = tar.NewWriter(to)
	for name, content := range b.extra {
		header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatPAX}
		if err := b.tar.WriteHeader(header); err != nil {
			return err
		}
		if _, err := b.tar.Write(content); err != nil {
			return err
		}
	}
	err := fs.WalkDir(b.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return unreadable(name, err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case name == ".":
			return nil
		}
		return b.entry(name, entry)
	})
	if err != nil {
		return err
	}
	if err := b.whole(); err != nil {
		return err
	}
	return b.tar.Close()
}

// entry sends one file or folder, unless the rules exclude it.
func (b *buildContext) entry(name string, entry fs.DirEntry) error {
	excluded, err := b.excluded(name, entry.IsDir())
	if err != nil {
		return badRules(err)
	}
	if excluded {
		if entry.IsDir() && !b.mayHoldExceptions(name) {
			return fs.SkipDir
		}
		return nil
	}
	if _, replaced := b.extra[name]; replaced {
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return unreadable(name, err)
	}
	switch info.Mode().Type() {
	case 0:
		return b.file(name)
	case fs.ModeDir:
		return b.header(name+"/", "", info)
	case fs.ModeSymlink:
		target, err := b.root.Readlink(name)
		if err != nil {
			return unreadable(name, err)
		}
		return b.header(name, target, info)
	}
	b.skipped = append(b.skipped, name) // a socket, a pipe or a device: nothing to build with
	return nil
}

// excluded asks the rules, which go by what they said of the folders above.
func (b *buildContext) excluded(name string, folder bool) (bool, error) {
	for len(b.parents) > 0 && !strings.HasPrefix(name, b.parents[len(b.parents)-1].prefix) {
		b.parents = b.parents[:len(b.parents)-1]
	}
	var above patternmatcher.MatchInfo
	if len(b.parents) > 0 {
		above = b.parents[len(b.parents)-1].match
	}
	excluded, match, err := b.rules.MatchesUsingParentResults(name, above)
	if folder {
		b.parents = append(b.parents, parent{prefix: name + "/", match: match})
	}
	return excluded, err
}

// mayHoldExceptions reports whether a rule such as !folder/file speaks of an excluded
// folder's inside.
func (b *buildContext) mayHoldExceptions(folder string) bool {
	for _, pattern := range b.rules.Patterns() {
		if pattern.Exclusion() && strings.HasPrefix(path.Clean(pattern.String())+"/", folder+"/") {
			return true
		}
	}
	return false
}

func (b *buildContext) header(name, link string, info fs.FileInfo) error {
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name, header.Format = name, tar.FormatPAX
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	header.ModTime = header.ModTime.Truncate(time.Second)
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
	return b.tar.WriteHeader(header)
}

// file sends a plain file: what it is when it is opened counts.
func (b *buildContext) file(name string) error {
	file, err := openPlain(b.root, name)
	if err != nil {
		return unreadable(name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return unreadable(name, err)
	}
	if err := b.header(name, "", info); err != nil {
		return err
	}
	buffer := make([]byte, 128<<10)
	for left := info.Size(); left > 0; {
		n, err := file.Read(buffer[:min(left, int64(len(buffer)))])
		if n == 0 && err != nil {
			return changed(name)
		}
		if _, err := b.tar.Write(buffer[:n]); err != nil {
			return err
		}
		left -= int64(n)
		b.total += int64(n)
		b.sent(b.total)
	}
	return nil
}

// openPlain opens a plain file and nothing else, and does not wait for the other end
// of a pipe.
func openPlain(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, errors.New("it is not a plain file")
	}
	return file, nil
}

func unreadable(name string, err error) error {
	problem := &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/build_context", Err: err,
		Message:    fmt.Sprintf("%s of the build context cannot be read: %v", name, pathless(err)),
		Suggestion: "list it in .dockerignore if the build does not need it, or correct its permissions"}
	if errors.Is(err, fs.ErrNotExist) {
		return changed(name)
	}
	return problem
}

func changed(name string) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/build_context",
		Message:    name + " of the build context changed while it was sent",
		Suggestion: "do not build while another step writes to the same folder, or list it in .dockerignore"}
}
