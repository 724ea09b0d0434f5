package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

// entry is one of an archive that a pod might send.
type entry struct {
	name, link, content string
	kind                byte
}

func archiveOf(t *testing.T, entries []entry) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		mode := int64(0o644)
		if e.kind == tar.TypeDir {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: mode, Size: int64(len(e.content)), ModTime: time.Unix(1, 0)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// TestUnpackStaysInside sees that no archive writes outside of the workspace.
func TestUnpackStaysInside(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]entry{
		"parent":                 {{name: "../victim", content: "evil"}},
		"deep parent":            {{name: "a/../../victim", content: "evil"}},
		"absolute":               {{name: "/tmp/patchbay-victim", content: "evil"}},
		"through a link":         {{name: "out", kind: tar.TypeSymlink, link: ".."}, {name: "out/victim", content: "evil"}},
		"through an old link":    {{name: "old/victim", content: "evil"}},
		"over a link":            {{name: "victim", kind: tar.TypeSymlink, link: "../victim"}, {name: "victim", content: "fine"}},
		"hard link":              {{name: "hard", kind: tar.TypeLink, link: "../victim"}, {name: "hard", content: "evil"}},
		"hard link by a link":    {{name: "out", kind: tar.TypeSymlink, link: ".."}, {name: "hard", kind: tar.TypeLink, link: "out/victim"}},
		"folder through a link":  {{name: "out", kind: tar.TypeSymlink, link: ".."}, {name: "out/made", kind: tar.TypeDir}},
		"link through a link":    {{name: "out", kind: tar.TypeSymlink, link: ".."}, {name: "out/made", kind: tar.TypeSymlink, link: "x"}},
		"device":                 {{name: "null", kind: tar.TypeChar}},
		"the aside name is ours": {{name: ".patchbay-file", kind: tar.TypeSymlink, link: "../victim"}, {name: "f", content: "fine"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			inner := filepath.Join(outer, "work")
			for _, step := range []error{os.Mkdir(inner, 0o700), os.WriteFile(filepath.Join(outer, "victim"), []byte("safe"), 0o600),
				os.Symlink("..", filepath.Join(inner, "old"))} {
				if step != nil {
					t.Fatal(step)
				}
			}
			err := unpack(inner, bytes.NewReader(archiveOf(t, entries)), manifest{}, 1<<20)
			t.Log(err)
			found := tree(t, outer)
			if found["victim"] != "-rw------- safe" || found["made"] != "" {
				t.Errorf("outside there is %v", found)
			}
			if _, err := os.Lstat("/tmp/patchbay-victim"); err == nil {
				t.Error("an absolute path was written to")
			}
		})
	}
}

// TestUnpackKeepsOthersChanges sees that only what the step did is brought back.
func TestUnpackKeepsOthersChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("same", "1")
	put("changed", "1")
	put("removed", "1")
	var packed bytes.Buffer
	brought, err := pack(dir, &packed, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	put("same", "another step's")
	put("beside", "another step's")
	back := archiveOf(t, []entry{{name: "./", kind: tar.TypeDir}, {name: "./same", content: "1"}, {name: "./changed", content: "2"}, {name: "./new", content: "3"}})
	if err := unpack(dir, bytes.NewReader(back), brought, 1<<20); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"same": "-rw-r--r-- another step's", "beside": "-rw-r--r-- another step's", "changed": "-rw-r--r-- 2", "new": "-rw-r--r-- 3"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestCopyIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 2000), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pack(dir, &bytes.Buffer{}, 1000); sdk.ClassOf(err) != sdk.ClassInvalidConfig {
		t.Errorf("copying in: %v", err)
	}
	back := archiveOf(t, []entry{{name: "large", content: string(make([]byte, 2000))}})
	if err := unpack(dir, bytes.NewReader(back), manifest{}, 1000); sdk.ClassOf(err) != sdk.ClassInvalidConfig {
		t.Errorf("copying out: %v", err)
	}
}

// FuzzUnpack sees that no bytes make it write outside, or fall over.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("no archive"))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		inner := filepath.Join(outer, "work")
		if err := os.Mkdir(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = unpack(inner, bytes.NewReader(data), manifest{"a": "-rw-r--r-- x"}, 1<<20)
		names, err := os.ReadDir(outer)
		if err != nil || len(names) != 1 {
			t.Errorf("outside there is %v, %v", names, err)
		}
	})
}
