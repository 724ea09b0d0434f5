package artifacts

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func paths(a *core.Artifact) []string {
	var list []string
	for _, file := range a.Files {
		list = append(list, file.Path)
	}
	return list
}

func TestGlobs(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	outside := t.TempDir()
	write(t, outside, map[string]string{"secret": "s", "dir/secret": "s"})
	write(t, b.workspace, map[string]string{
		"a.txt": "1", "b.log": "2", ".hidden": "3", "dist/app": "4", "dist/lib/x.so": "5", "dist/lib/y.tmp": "6", "dist/deep/er/z": "7",
		"dist2/app": "8", "we ird/[x]*?": "9", "☃/ä": "10", "empty/": "",
		"inside": "-> a.txt", "folder": "-> dist/lib", "out": "-> " + filepath.Join(outside, "secret"), "outdir": "-> " + filepath.Join(outside, "dir"),
		"up": "-> ../../../../../../etc/passwd", "nowhere": "-> not there", "circle": "-> circle", "dist/loop": "-> ..",
	})
	must(t, syscall.Mkfifo(filepath.Join(b.workspace, "dist/pipe"), 0o644))
	for name, test := range map[string]struct{ globs, want []string }{
		"file":               {[]string{"a.txt"}, []string{"a.txt"}},
		"star":               {[]string{"*"}, []string{".hidden", "a.txt", "b.log", "dist/app", "dist/deep/er/z", "dist/lib/x.so", "dist/lib/y.tmp", "dist2/app", "inside", "we ird/[x]*?", "☃/ä"}},
		"star of kind":       {[]string{"*.{txt,log}"}, []string{"a.txt", "b.log"}},
		"folder":             {[]string{"dist/"}, []string{"dist/app", "dist/deep/er/z", "dist/lib/x.so", "dist/lib/y.tmp"}},
		"dots":               {[]string{"./dist/../dist/app"}, []string{"dist/app"}},
		"below":              {[]string{"dist/**"}, []string{"dist/app", "dist/deep/er/z", "dist/lib/x.so", "dist/lib/y.tmp"}},
		"one level":          {[]string{"dist/*/*.so"}, []string{"dist/lib/x.so"}},
		"any level":          {[]string{"**/app"}, []string{"dist/app", "dist2/app"}},
		"folder by glob":     {[]string{"di*t/l?b"}, []string{"dist/lib/x.so", "dist/lib/y.tmp"}},
		"without":            {[]string{"dist", "!**/*.tmp", "!dist/deep"}, []string{"dist/app", "dist/lib/x.so"}},
		"without, first":     {[]string{"!dist/lib", "dist"}, []string{"dist/app", "dist/deep/er/z"}},
		"without the folder": {[]string{"dist/lib/x.so", "!dist"}, nil},
		"only without":       {[]string{"!dist"}, nil},
		"everything":         {[]string{".", "!dist*", "!.hidden", "!we*/**"}, []string{"a.txt", "b.log", "inside", "☃/ä"}},
		"twice":              {[]string{"a.txt", "*.txt", "a.*"}, []string{"a.txt"}},
		"escaped":            {[]string{`we ird/\[x]\*\?`}, []string{"we ird/[x]*?"}},
		"link to a file":     {[]string{"inside"}, []string{"inside"}},
		"named link":         {[]string{"folder"}, []string{"folder/x.so", "folder/y.tmp"}},
		"below a link":       {[]string{"folder/*.so"}, []string{"folder/x.so"}},
		"links out":          {[]string{"out", "outdir", "outdir/secret", "outdir/*", "up", "nowhere", "circle", "o*"}, nil},
		"no file":            {[]string{"dist/pipe", "empty", "missing", "a.txt/x", "a.txt/*"}, nil},
		"nothing":            {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := build
			source.Step = name
			a, err := b.Collect(t.Context(), source, b.workspace, core.ArtifactSpec{Paths: test.globs})
			if test.want == nil {
				refused(t, core.CodeNotFound, err)
				for _, glob := range test.globs {
					if !strings.Contains(err.Error(), glob) {
						t.Errorf("%v does not name %s", err, glob)
					}
				}
				return
			}
			must(t, err)
			if diff := cmp.Diff(test.want, paths(a)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadGlobs(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"a": "1"})
	for _, glob := range []string{"", "!", "/etc/passwd", "..", "../x", "a/../../x", "!../x", "[", "{a", "a\x00"} {
		_, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Paths: []string{"a", glob}})
		refused(t, core.CodeInvalid, err)
		_, err = HashFiles(b.workspace, glob)
		refused(t, core.CodeInvalid, err)
	}
	for _, name := range []string{workspaceName, "\xff"} {
		_, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Name: name, Paths: []string{"a"}})
		refused(t, core.CodeInvalid, err)
	}
	write(t, b.workspace, map[string]string{"bad\xff": ""})
	_, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Paths: []string{"*"}})
	refused(t, core.CodeInvalid, err)
	_, err = b.Collect(t.Context(), build, filepath.Join(b.workspace, "gone"), core.ArtifactSpec{Paths: []string{"*"}})
	refused(t, core.CodeUnavailable, err)
}

func TestCollected(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"run.sh": "#!/bin/sh", "data": "\x00\xff", "same": "\x00\xff", "none": ""})
	must(t, os.Chmod(filepath.Join(b.workspace, "run.sh"), 0o755|os.ModeSetuid))
	a, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Name: "all", Paths: []string{"*"}, Retention: core.Duration(time.Minute)})
	must(t, err)
	stored, err := b.Artifact(t.Context(), a.ID)
	must(t, err)
	if diff := cmp.Diff(stored, a); diff != "" {
		t.Error(diff)
	}
	if a.Size != 13 || a.Kind != core.ArtifactFiles || a.Name != "all" || a.Stage != "build" || a.Step != "compile" || a.PipelineID != "p" ||
		a.ExpiresAt.Sub(a.CreatedAt).Round(time.Second) != time.Minute {
		t.Errorf("%+v", a)
	}
	for i, want := range []string{"\x00\xff", "", "#!/bin/sh", "\x00\xff"} {
		r, file, err := b.OpenFile(t.Context(), a, a.Files[i].Path)
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		if string(content) != want || file.Size != int64(len(want)) || file.SHA256 != a.Files[i].SHA256 {
			t.Errorf("%+v has %q", file, content)
		}
	}
	if a.Files[2].Mode != 0o755 || a.Files[0].Mode != 0o644 || a.Files[0].SHA256 != a.Files[3].SHA256 {
		t.Errorf("%+v", a.Files)
	}
	for _, path := range []string{"missing", "", "../data", "./data"} {
		_, _, err := b.OpenFile(t.Context(), a, path)
		refused(t, core.CodeNotFound, err)
	}
	unnamed, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Paths: []string{"data"}})
	must(t, err)
	if unnamed.Name != "compile" || unnamed.ExpiresAt.Sub(unnamed.CreatedAt).Round(time.Hour) != 30*24*time.Hour {
		t.Errorf("%+v", unnamed)
	}
}

func TestCollectLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{File: 10, Artifact: 25, Files: 3})
	ten := strings.Repeat("x", 10)
	write(t, b.workspace, map[string]string{"fits/a": ten, "fits/b": ten, "fits/c": "12345", "many/1": "", "many/2": "", "many/3": "", "many/4": "",
		"large/a": ten + "x", "sum/a": ten, "sum/b": ten, "sum/c": "123456"})
	for folder, want := range map[string]core.ErrorCode{"fits": "", "many": core.CodeTooLarge, "large": core.CodeTooLarge, "sum": core.CodeTooLarge} {
		_, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Name: folder, Paths: []string{folder}})
		refused(t, want, err)
	}
	list, err := b.Artifacts(t.Context(), "e")
	must(t, err)
	if len(list) != 1 || list[0].Name != "fits" {
		t.Errorf("%+v", list)
	}
}

// The same step's artifact is replaced, whatever came between; another step's is not.
func TestCollectAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	spec := core.ArtifactSpec{Name: "n", Paths: []string{"f"}}
	for _, content := range []string{"first", "second", "second"} {
		write(t, b.workspace, map[string]string{"f": content})
		a, err := b.Collect(t.Context(), build, b.workspace, spec)
		must(t, err)
		list, err := b.Artifacts(t.Context(), "e")
		must(t, err)
		if diff := cmp.Diff([]*core.Artifact{a}, list); diff != "" {
			t.Error(diff)
		}
	}
	other := build
	other.Step = "other"
	_, err := b.Collect(t.Context(), other, b.workspace, spec)
	refused(t, core.CodeConflict, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := b.Collect(context.Background(), build, b.workspace, spec); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	list, err := b.Artifacts(t.Context(), "e")
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d artifacts of one name", len(list))
	}
}

func TestCollectMany(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	files := map[string]string{}
	for i := range 500 {
		files[fmt.Sprintf("dir %d/%04d", i%7, i)] = fmt.Sprint(i % 50)
	}
	write(t, b.workspace, files)
	a, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Paths: []string{"**"}})
	must(t, err)
	if len(a.Files) != 500 || !slices.IsSorted(paths(a)) {
		t.Errorf("%d files, sorted: %t", len(a.Files), slices.IsSorted(paths(a)))
	}
	var archive bytes.Buffer
	must(t, b.WriteArchive(t.Context(), a, &archive))
	unzipped, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	must(t, err)
	got := map[string]string{}
	for _, file := range unzipped.File {
		r, err := file.Open()
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		if got[file.Name] = string(content); file.Mode() != 0o644 {
			t.Errorf("%s: %v", file.Name, file.Mode())
		}
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
	b.damage(t)
	refused(t, core.CodeInternal, b.WriteArchive(t.Context(), a, io.Discard))
	must(t, os.RemoveAll(filepath.Join(b.contents, a.Files[400].SHA256[:2])))
	_, _, err = b.OpenFile(t.Context(), a, a.Files[400].Path)
	refused(t, core.CodeNotFound, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.WriteArchive(ctx, a, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled archive: %v", err)
	}
	if _, err := b.Collect(ctx, build, b.workspace, core.ArtifactSpec{Paths: []string{"**"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
