package project

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// tree makes files with their names as content; a name that ends with a slash is a
// folder, "a -> b" a link, and "a = b" a file with another content.
func tree(t *testing.T, folder string, names ...string) string {
	t.Helper()
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		file, content, hasContent := strings.Cut(name, " = ")
		if !hasContent {
			content = name
		}
		at := filepath.Join(folder, strings.TrimSuffix(file, "/"))
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, filepath.Join(folder, link))
		case strings.HasSuffix(file, "/"):
			err = os.MkdirAll(at, 0o755)
		default:
			if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
				err = os.WriteFile(at, []byte(content), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// names lists a tree as tree takes it, without what content files have.
func names(t *testing.T, folder string) []string {
	t.Helper()
	list := []string{}
	err := filepath.WalkDir(folder, func(at string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, at)
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			if inside, err := os.ReadDir(at); err != nil || len(inside) > 0 {
				return err
			}
			name += "/"
		case entry.Type() == fs.ModeSymlink:
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			name += " -> " + target
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tree, want []string
		leftOut    []string
	}{
		"empty":      {nil, []string{}, nil},
		"everything": {[]string{"a", "b/c", "empty/"}, []string{"a", "b/c", "empty/"}, nil},
		"ignored": {[]string{".gitignore = *.o\n/bin/\n", "a.o", "a.c", "bin/x", "sub/bin/y", "sub/b.o"},
			[]string{".gitignore", "a.c", "sub/bin/y"}, nil},
		"nested": {[]string{".gitignore = *.o\n", "sub/.gitignore = !keep.o\n/x\n", "sub/keep.o", "sub/a.o", "sub/x", "sub/y/x", "x"},
			[]string{".gitignore", "sub/.gitignore", "sub/keep.o", "sub/y/x", "x"}, nil},
		"a folder that is out stays out": {[]string{".gitignore = out/\n!out/keep\n", "out/keep"}, []string{".gitignore"}, nil},
		"own patterns":                   {[]string{".gitignore = dist/\n", ".patchbayignore = !dist/\nmedia\n", "dist/a", "media/b"}, []string{".gitignore", ".patchbayignore", "dist/a"}, nil},
		"a repository": {[]string{".gitignore = *\n!/a\n", ".git/HEAD = x", ".git/index.lock", ".git/objects/a.o", ".git/info/exclude = b\n", "a", "b"},
			[]string{".git/HEAD", ".git/info/exclude", ".git/objects/a.o", "a"}, nil},
		"no repository":       {[]string{".patchbayignore = .git\n", ".git/HEAD = x", "a"}, []string{".patchbayignore", "a"}, nil},
		"the repository's":    {[]string{".git/info/exclude = *.o\n", ".gitignore = !b.o\n", "a.o", "b.o"}, []string{".git/info/exclude", ".gitignore", "b.o"}, nil},
		"a further work tree": {[]string{".git = gitdir: /elsewhere\n", "a"}, []string{"a"}, []string{".git"}},
		"submodules": {[]string{".git/modules/s/HEAD = x", "s/.git = gitdir: ../.git/modules/s\n", "t/.git = gitdir: ../../t\n", "s/a",
			"u/.git = no repository", "v/.git = gitdir: ../l/x\n", "l -> .git"},
			[]string{".git/modules/s/HEAD", "l -> .git", "s/.git", "s/a", "t/", "u/", "v/.git"}, []string{"t/.git", "u/.git"}},
		"a repository of other files": {[]string{".git/HEAD", ".git/config = [core]\n\tbare = false\n\tWorktree = /elsewhere\n", "a",
			"b/.git/config = [core] worktree = \"../../..\"", "b/c", "d/.git/config.worktree = [core]\nworktree=/x\n", "e/.git/config = [core]\nworktree = ..\n",
			"m/.git = gitdir: ../mods/m\n", "mods/m/config = [core]\nworktree = /elsewhere/m\n", "n/.git = gitdir: ../mods/n\n", "mods/n/config = [core]\nworktree = ../../n\n",
			"o/", "o/.git -> ../mods/m", "p/.git = gitdir: ../mods/p\n", "mods/p/commondir = /elsewhere\n", "q/.git = gitdir: ../mods/q\n", "mods/q/commondir = ../n\n"},
			[]string{"a", "b/c", "d/", "e/.git/config", "m/", "mods/m/config", "mods/n/config", "mods/p/commondir", "mods/q/commondir", "n/.git", "o/", "p/", "q/.git"},
			[]string{".git/", "b/.git/", "d/.git/", "m/.git", "o/.git", "p/.git"}},
		"a server's data": {[]string{".patchbay/patchbay.db", "sub/.patchbay/x", "a"}, []string{"a", "sub/"}, nil},
		"links": {[]string{"sub/a", "in -> sub/a", "up/", "up/l -> ../sub", "dangling -> nothing", "loop -> loop", "out -> ../x", "far -> /etc/passwd",
			"twice -> up/l/../../x", "dev -> sub/../../y"},
			[]string{"dangling -> nothing", "in -> sub/a", "loop -> loop", "sub/a", "up/l -> ../sub"},
			[]string{"dev", "far", "out", "twice"}},
		"a link of patterns": {[]string{"p = a\n", ".gitignore -> p", "a"}, []string{".gitignore -> p", "a", "p"}, nil},
		"odd names":          {[]string{"a b", "ä", "new\nline", "-x", "*", "[a"}, []string{"*", "-x", "[a", "a b", "new\nline", "ä"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := tree(t, t.TempDir(), test.tree...), filepath.Join(t.TempDir(), "to")
			summary, err := Copy(t.Context(), from, to, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, names(t, to)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var out []string
			for _, left := range summary.LeftOut {
				out = append(out, left.Path)
			}
			if diff := cmp.Diff(test.leftOut, out); diff != "" {
				t.Errorf("left out: -want +got:\n%s", diff)
			}
		})
	}
}

func TestCopyKeepsWhatFilesAre(t *testing.T) {
	t.Parallel()
	from, to := tree(t, t.TempDir(), "sub/tool = #!/bin/sh\n", "sub/locked = x", "open/", "big = "+strings.Repeat("0123456789", 100_000)), t.TempDir()
	past := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	modes := map[string]fs.FileMode{"sub/tool": 0o755, "sub/locked": 0o400, "big": 0o666, "open": 0o777, "sub": 0o555}
	for _, name := range []string{"sub/tool", "sub/locked", "big", "open", "sub"} {
		if err := os.Chmod(filepath.Join(from, name), modes[name]); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(from, name), past, past); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = os.Chmod(filepath.Join(from, "sub"), 0o755)
		_ = os.Chmod(filepath.Join(to, "sub"), 0o755)
	})
	summary, err := Copy(t.Context(), from, to, Limits{})
	if err != nil || summary.Files != 3 || summary.Bytes != 1_000_011 {
		t.Fatalf("%+v, %v", summary, err)
	}
	for name, mode := range modes {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode().Perm() != mode || !info.ModTime().Equal(past) {
			t.Errorf("%s: %v %v, %v", name, info.Mode(), info.ModTime(), err)
		}
		original, err := os.Stat(filepath.Join(from, name))
		if err != nil || os.SameFile(info, original) {
			t.Errorf("%s is the same file in both, %v", name, err)
		}
	}
	a, errA := os.ReadFile(filepath.Join(from, "big"))
	b, errB := os.ReadFile(filepath.Join(to, "big"))
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("the content is another: %v %v", errA, errB)
	}
}

// A part of a work tree has the patterns of the folders around it, too.
func TestCopyOfAPart(t *testing.T) {
	t.Parallel()
	top := tree(t, t.TempDir(), ".git/info/exclude = *.e\n", ".gitignore = *.o\n/a/b/x\n/y\n", "a/.gitignore = !k.o\nb/z\n",
		"a/b/x", "a/b/y", "a/b/z", "a/b/k.o", "a/b/l.o", "a/b/m.e", "a/b/c/x", "a/other")
	to := t.TempDir()
	if _, err := Copy(t.Context(), filepath.Join(top, "a", "b"), to, Limits{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c/x", "k.o", "y"}, names(t, to)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !InWorkTree(filepath.Join(top, "a", "b")) || !InWorkTree(top) {
		t.Error("the part is not seen as one")
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	from := tree(t, t.TempDir(), "a = x", "media/m = "+strings.Repeat("x", 3000), "node_modules/n = "+strings.Repeat("x", 2000), "tiny/t = y")
	for name, limits := range map[string]Limits{"bytes": {Bytes: 4000}, "files": {Files: 6}, "far too many files": {Files: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := t.TempDir()
			_, err := Copy(t.Context(), from, to, limits)
			e, isOurs := err.(*core.Error)
			if !isOurs || e.Code != core.CodeTooLarge || !strings.Contains(e.Details, "media (2.9 KiB)") || !strings.Contains(e.Suggestions[0], ".patchbayignore") {
				t.Errorf("got %#v", err)
			}
			if left := names(t, to); len(left) > 0 {
				t.Errorf("something was written: %q", left)
			}
		})
	}
	if _, err := Copy(t.Context(), from, t.TempDir(), Limits{Bytes: 5002, Files: 7}); err != nil {
		t.Errorf("just what is allowed: %v", err)
	}
	if _, err := Copy(t.Context(), filepath.Join(from, "a"), t.TempDir(), Limits{}); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("a file as a project: %v", err)
	}
	if _, err := Copy(t.Context(), filepath.Join(from, "none"), t.TempDir(), Limits{}); err == nil {
		t.Error("there is no such project")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Copy(cancelled, from, t.TempDir(), Limits{}); err == nil {
		t.Error("a cancelled copy has no error")
	}
	huge := tree(t, t.TempDir(), ".gitignore = "+strings.Repeat("x\n", maxIgnoreFile))
	if _, err := Copy(t.Context(), huge, t.TempDir(), Limits{}); err == nil || !strings.Contains(err.Error(), "patterns") {
		t.Errorf("a huge file of patterns: %v", err)
	}
}

// What is no file is not waited for, and a copy inside of the project is not copied.
func TestCopyOfOddThings(t *testing.T) {
	t.Parallel()
	from := tree(t, t.TempDir(), "a", "tmp/b")
	if err := syscall.Mkfifo(filepath.Join(from, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 { // who may read everything
		tree(t, from, "shut/x", "secret")
		for _, name := range []string{"shut", "secret"} {
			if err := os.Chmod(filepath.Join(from, name), 0); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(from, "shut"), 0o700) })
	}
	to := filepath.Join(from, "tmp", "to")
	summary, err := Copy(t.Context(), from, to, Limits{})
	if err != nil || summary.Files != 2 || summary.LeftOut[0].Path != "pipe" {
		t.Fatalf("%+v, %v", summary, err)
	}
	if os.Getuid() != 0 && summary.LeftOutCount != 3 {
		t.Errorf("left out: %+v", summary.LeftOut)
	}
	if _, err := os.Stat(filepath.Join(to, "tmp", "to")); err == nil {
		t.Error("the copy has itself in it")
	}
}
