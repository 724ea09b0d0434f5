package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

// sent writes a context of the files and returns what is in the tar, by name.
func sent(t *testing.T, workspace string, config buildConfig) (map[string]*tar.Header, map[string]string, *buildContext) {
	t.Helper()
	source, err := openSources(workspace, &config)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	files, err := newBuildContext(source, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	var buffer bytes.Buffer
	if err := files.write(t.Context(), &buffer); err != nil {
		t.Fatal(err)
	}
	headers, contents := map[string]*tar.Header{}, map[string]string{}
	for reader := tar.NewReader(&buffer); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents, files
		}
		if err != nil {
			t.Fatal(err)
		}
		if headers[header.Name] != nil {
			t.Errorf("%s is sent twice", header.Name)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		headers[header.Name], contents[header.Name] = header, string(content)
	}
}

func put(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	(&bench{t: t, workspace: folder}).put(files)
}

func TestContextRules(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rules string
		want  []string
	}{
		"none":                           {"", []string{"Dockerfile", "a.log", "dir/", "dir/a.log", "dir/deep/", "dir/deep/b", "dir/keep"}},
		"at the top only":                {"*.log", []string{"Dockerfile", "dir/", "dir/a.log", "dir/deep/", "dir/deep/b", "dir/keep"}},
		"anywhere":                       {"**/*.log", []string{"Dockerfile", "dir/", "dir/deep/", "dir/deep/b", "dir/keep"}},
		"a folder":                       {"/dir/", []string{"Dockerfile", "a.log"}},
		"a folder but one":               {"dir\n!dir/keep", []string{"Dockerfile", "a.log", "dir/keep"}},
		"a folder but what is in one":    {"dir\n!dir/deep", []string{"Dockerfile", "a.log", "dir/deep/", "dir/deep/b"}},
		"the last one counts":            {"!a.log\n*.log", []string{"Dockerfile", "dir/", "dir/a.log", "dir/deep/", "dir/deep/b", "dir/keep"}},
		"comments, blanks and itself":    {"# x\n\n  a.log  \n.dockerignore", []string{"Dockerfile", "dir/", "dir/a.log", "dir/deep/", "dir/deep/b", "dir/keep"}},
		"everything, the Dockerfile not": {"*", []string{"Dockerfile"}},
		"out of it":                      {"../x\n./dir/../a.log", []string{"Dockerfile", "dir/", "dir/a.log", "dir/deep/", "dir/deep/b", "dir/keep"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			put(t, folder, map[string]string{".dockerignore": c.rules, "Dockerfile": "", "a.log": "", "dir/a.log": "", "dir/keep": "", "dir/deep/b": ""})
			headers, _, _ := sent(t, folder, buildConfig{})
			if headers[".dockerignore"] == nil {
				t.Error("the Engine needs .dockerignore")
			}
			delete(headers, ".dockerignore")
			var names []string
			for name := range headers {
				names = append(names, name)
			}
			slices.Sort(names)
			if difference := cmp.Diff(c.want, names); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func TestContextEntries(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put(t, folder, map[string]string{"Dockerfile": "FROM scratch", "run.sh": "x", "ü/ä name": "y", strings.Repeat("long/", 60) + "f": "z"})
	if err := os.Chmod(filepath.Join(folder, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"in": "run.sh", "out": "/etc/passwd", "broken": "nothing", "folder": "/etc", "up": "../.."} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A socket's path has 107 bytes at most.
	listener, err := net.Listen("unix", shortPath(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	headers, contents, files := sent(t, folder, buildConfig{})
	for link, target := range map[string]string{"in": "run.sh", "out": "/etc/passwd", "broken": "nothing", "folder": "/etc", "up": "../.."} {
		if h := headers[link]; h == nil || h.Typeflag != tar.TypeSymlink || h.Linkname != target {
			t.Errorf("%s is %+v", link, h)
		}
	}
	if h := headers["run.sh"]; h.Mode&0o777 != 0o755 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || contents["run.sh"] != "x" {
		t.Errorf("run.sh is %+v", h)
	}
	if contents["ü/ä name"] != "y" || contents[strings.Repeat("long/", 60)+"f"] != "z" {
		t.Error("names are not as they were")
	}
	slices.Sort(files.skipped)
	if difference := cmp.Diff([]string{"pipe", "socket"}, files.skipped); difference != "" || headers["pipe"] != nil || headers["socket"] != nil {
		t.Errorf("skipped: %s", difference)
	}
}

// shortPath is a path to folder/socket that fits into a socket's address.
func shortPath(t *testing.T, folder string) string {
	t.Helper()
	short, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	if err := os.Symlink(folder, filepath.Join(short, "l")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(short, "l", "socket")
}

// TestContextOfAnotherDockerfile has one sent that is not in the context, of which the
// build then sees nothing.
func TestContextOfAnotherDockerfile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put(t, folder, map[string]string{"Dockerfile": "own", "x": ""})
	_, contents, files := sent(t, folder, buildConfig{DockerfileInline: "FROM scratch"})
	if contents[files.dockerfile] != "FROM scratch\n" || contents["Dockerfile"] != "own" {
		t.Errorf("got %v", contents)
	}
	for _, hidden := range []string{files.dockerfile, ".dockerignore"} {
		if !strings.Contains(contents[".dockerignore"], "\n"+hidden+"\n") {
			t.Errorf("%s is not hidden: %q", hidden, contents[".dockerignore"])
		}
	}
}

func TestContextIsNotHeldInMemory(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put(t, folder, map[string]string{"Dockerfile": "", "huge": ""})
	const size = 3 << 30
	if err := os.Truncate(filepath.Join(folder, "huge"), size); err != nil {
		t.Fatal(err)
	}
	source, err := openSources(folder, &buildConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var most int64
	files, err := newBuildContext(source, func(bytes int64) { most = bytes })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := &firstWrites{left: 64 << 20, then: cancel}
	if err := files.write(ctx, first); err == nil || most > 128<<20 {
		t.Errorf("it went on after %d bytes: %v", most, err)
	}
}

// firstWrites takes some bytes and then refuses.
type firstWrites struct {
	left int
	then func()
}

func (w *firstWrites) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		w.then()
		return 0, context.Canceled
	}
	return len(p), nil
}

func TestContextThatChanges(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put(t, folder, map[string]string{"Dockerfile": "", "shrinks": strings.Repeat("x", 1<<20)})
	source, err := openSources(folder, &buildConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	files, err := newBuildContext(source, func(int64) { _ = os.Truncate(filepath.Join(folder, "shrinks"), 10) })
	if err != nil {
		t.Fatal(err)
	}
	if err := files.write(t.Context(), io.Discard); sdk.ClassOf(err) != sdk.ClassInvalidConfig || !strings.Contains(err.Error(), "shrinks of the build context changed") {
		t.Errorf("got %v", err)
	}
}
