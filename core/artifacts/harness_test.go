package artifacts

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/blob"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// bench is a service over a real folder of contents, and a workspace.
type bench struct {
	*Service
	store     *memory.Store
	blobs     *blob.Store
	contents  string // the folder of blobs
	workspace string
}

func newBench(t testing.TB, limits Limits) *bench {
	t.Helper()
	b := &bench{store: memory.New(), contents: t.TempDir(), workspace: t.TempDir()}
	var err error
	if b.blobs, err = blob.Open(b.contents); err != nil {
		t.Fatal(err)
	}
	b.Service = New(b.store, b.blobs, limits, hclog.NewNullLogger())
	return b
}

// write makes files; one whose content begins with "-> " is a symlink, and one whose
// name ends in / a folder.
func write(t testing.TB, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, link := strings.CutPrefix(content, "-> "); link {
			must(t, os.Symlink(target, path))
		} else if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
		} else {
			must(t, os.WriteFile(path, []byte(content), 0o644))
		}
	}
}

// tree is what write makes, read back.
func tree(t testing.TB, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, path)
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			found[name+"/"] = ""
		case entry.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		default:
			content, err := os.ReadFile(path)
			found[name] = string(content)
			return err
		}
		return nil
	}))
	return found
}

// age makes all content old, so that only being named keeps it.
func (b *bench) age(t testing.TB) {
	t.Helper()
	must(t, filepath.WalkDir(b.contents, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = os.Chtimes(path, time.Time{}, time.Now().Add(-100*time.Hour))
		}
		return err
	}))
}

// damage changes all content on the disk.
func (b *bench) damage(t testing.TB) {
	t.Helper()
	must(t, filepath.WalkDir(b.contents, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = os.Truncate(path, 3)
		}
		return err
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, code core.ErrorCode, err error) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

var build = Source{ExecutionID: "e", PipelineID: "p", Stage: "build", Step: "compile"}
