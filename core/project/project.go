// Package project brings the files of a project into the workspace of a run: copies,
// without what .gitignore and .patchbayignore name. What the run does to them, it does
// not do to the project.
//
// A project is looked through first and copied after: one that is too large is refused
// before anything is written.
package project

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/core"
)

// Limits bounds what is brought in. What is not positive has its default.
type Limits struct {
	// Bytes is the size of all files together (DefaultBytes).
	Bytes core.Size
	// Files is the number of files, folders and links (DefaultFiles).
	Files int
}

// Defaults of Limits.
const (
	DefaultBytes = core.Size(1 << 30)
	DefaultFiles = 200_000
)

// Summary says what was brought in.
type Summary struct {
	// Files counts files and links.
	Files int
	Bytes core.Size
	// LeftOut are what could not be brought in, with why, but no more than
	// MaxLeftOut; LeftOutCount is the number of all. What patterns name is not there.
	LeftOut      []LeftOut
	LeftOutCount int
}

// LeftOut is something of the project that is not in the copy.
type LeftOut struct{ Path, Reason string }

// MaxLeftOut is how many of what is left out a Summary names.
const MaxLeftOut = 10

func (s *Summary) leaveOut(path, reason string) {
	s.LeftOutCount++
	if len(s.LeftOut) < MaxLeftOut {
		s.LeftOut = append(s.LeftOut, LeftOut{path, reason})
	}
}

// Copy copies the files of the folder from into to, which it makes if it is missing
// and which must be empty.
//
//   - What .gitignore files name is left out, and what .patchbayignore files name,
//     which have the last word in their folder: there, !dist brings in what git
//     ignores. In a part of a git work tree, those of the folders around it count too.
//   - The folder .git is copied, so that the copy is a work tree as well. A file .git
//     that stands for a repository outside of the project is left out, and so is a
//     repository whose files are said to be outside (core.worktree): with them, steps
//     would change what is the user's. .patchbay, which a server keeps its data in, is
//     not copied either.
//   - Links stay links; those that lead out of the project are left out and named in
//     the Summary. So are sockets, pipes, devices and what cannot be read.
//   - Permissions and times of change are kept; the copy shares nothing with the
//     project.
//
// A project beyond the limits is CodeTooLarge, with its largest folders, and nothing
// is written. Any other error, or the end of ctx, may leave some of the files. Files
// that come and go meanwhile are there or not.
func Copy(ctx context.Context, from, to string, limits Limits) (Summary, error) {
	if limits.Bytes <= 0 {
		limits.Bytes = DefaultBytes
	}
	if limits.Files <= 0 {
		limits.Files = DefaultFiles
	}
	top, err := filepath.EvalSymlinks(from)
	if err == nil {
		top, err = filepath.Abs(top)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("the project: %w", err)
	}
	if info, err := os.Stat(top); err != nil || !info.IsDir() {
		return Summary{}, core.Errorf(core.CodeInvalid, "%s is no folder", from)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return Summary{}, fmt.Errorf("the workspace: %w", err)
	}
	s := scan{ctx: ctx, name: from, top: top, limits: limits, sizes: map[string]core.Size{}}
	if s.into, err = os.Stat(to); err != nil {
		return Summary{}, fmt.Errorf("the workspace: %w", err)
	}
	if err := s.run(); err != nil {
		return Summary{}, err
	}
	c := copier{top: top, to: to, summary: s.summary}
	err = c.run(ctx, s.entries)
	return c.summary, err
}
