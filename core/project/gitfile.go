package project

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// maxGitFile is more than a file that names a repository has.
const maxGitFile = 8 << 10

// standsFor says why a file cannot be brought in that is called .git and stands for a
// repository elsewhere, or "". Further work trees and submodules have one. The copy's
// would name the same repository: what a step does there, a checkout or a commit, it
// would do to the user's own. One whose repository is in the project, as a submodule's
// is, names the copy of it.
func (s *scan) standsFor(name string) string {
	if path.Base(name) != gitFolder {
		return ""
	}
	const unreadable = "a file that names no repository"
	at := filepath.FromSlash(name)
	file, err := os.OpenFile(filepath.Join(s.top, at), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return unreadable
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxGitFile))
	repository, found := strings.CutPrefix(string(text), "gitdir: ")
	if repository = strings.TrimRight(repository, "\r\n"); err != nil || !found {
		return unreadable
	}
	if s.inside(filepath.Dir(at), repository) {
		return s.worksOn(filepath.Join(filepath.Dir(at), repository))
	}
	return "it stands for the repository in " + repository + ", which is not the run's to change"
}

// inside reports whether a path, as written in a folder of the project, leads to a place
// in the project. What is absolute leads to the user's project, not to the copy.
func (s *scan) inside(folder, written string) bool {
	at := filepath.Join(folder, written)
	if filepath.IsAbs(written) || !filepath.IsLocal(at) {
		return false
	}
	// Its words stay in the project; a link on the way might not.
	end, err := filepath.EvalSymlinks(filepath.Join(s.top, at))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	way, err := filepath.Rel(s.top, end)
	return err == nil && filepath.IsLocal(way)
}

// maxGitConfig is the largest configuration of a repository that is read.
const maxGitConfig = 1 << 20

// workTreeSetting is core.worktree in a configuration: where the repository's files are,
// seen from the repository's folder.
var workTreeSetting = regexp.MustCompile(`(?im)(?:^|\])[ \t]*worktree[ \t]*=[ \t]*"?([^"\r\n]*)`)

// worksOn says why the repository in a folder of the project cannot be brought in, or
// "": when its files, or its objects and branches, are said to be outside of the
// project, git in the copy would change the user's own.
func (s *scan) worksOn(repository string) string {
	for _, name := range []string{"config", "config.worktree", "commondir"} {
		text, err := s.readOf(repository, name)
		if err != nil {
			return "its " + name + " cannot be read"
		}
		if name == "commondir" {
			if text = strings.TrimSpace(text); !s.inside(repository, text) {
				return "it shares the repository in " + text + ", which is not the run's to change"
			}
			continue
		}
		for _, found := range workTreeSetting.FindAllStringSubmatch(text, -1) {
			if tree := strings.TrimSpace(found[1]); !s.inside(repository, tree) {
				return "its core.worktree is " + tree + ", which is not the run's to change"
			}
		}
	}
	return ""
}

// readOf reads a file of a repository; one that is not there is empty.
func (s *scan) readOf(repository, name string) (string, error) {
	file, err := os.OpenFile(filepath.Join(s.top, repository, name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxGitConfig+1))
	if err == nil && len(text) > maxGitConfig {
		err = errors.New("too large")
	}
	return string(text), err
}
