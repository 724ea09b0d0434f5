package project

import (
	"io"
	"os"
	"path"
	"path/filepath"
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
	inside := !filepath.IsAbs(repository) && filepath.IsLocal(filepath.Join(filepath.Dir(at), repository))
	if inside {
		// Its words stay in the project; a link on the way might not.
		end, err := filepath.EvalSymlinks(filepath.Join(s.top, filepath.Dir(at), repository))
		if err == nil {
			way, err := filepath.Rel(s.top, end)
			inside = err == nil && filepath.IsLocal(way)
		}
	}
	if inside {
		return ""
	}
	return "it stands for the repository in " + repository + ", which is not the run's to change"
}
