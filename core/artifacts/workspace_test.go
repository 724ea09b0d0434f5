package artifacts

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func TestWorkspace(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	large := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(large)
	files := map[string]string{"a": "1", ".git/config": "x", "☃ \\/b": "2", "bad\xff": "3", strings.Repeat("n", 255): "4", "large": string(large),
		strings.Repeat("deep/", 60) + "f": "5", "empty/": "", "in": "-> a", "abs": "-> /usr/bin/env", "out": "-> ../../x", "nowhere": "-> gone", "dirlink": "-> sub",
		"sub/ro/file": "6", "sub/link": "-> ../a"}
	write(t, b.workspace, files)
	must(t, syscall.Mkfifo(filepath.Join(b.workspace, "pipe"), 0o644))
	must(t, os.Chmod(filepath.Join(b.workspace, "a"), 0o751|os.ModeSetuid))
	at := time.Date(2020, 1, 2, 3, 4, 5, 678901234, time.UTC)
	for _, name := range []string{"a", "sub", "sub/ro", "sub/ro/file"} {
		must(t, os.Chtimes(filepath.Join(b.workspace, name), at, at))
	}
	must(t, os.Chmod(filepath.Join(b.workspace, "sub/ro"), 0o555))
	before := tree0(t, b.workspace, "pipe")
	must(t, b.SaveWorkspace(t.Context(), build, b.workspace))

	into := t.TempDir()
	t.Cleanup(func() {
		_ = os.Chmod(filepath.Join(into, "sub/ro"), 0o755)
		_ = os.Chmod(filepath.Join(b.workspace, "sub/ro"), 0o755)
	})
	// What is there is replaced, and stays when it is not in the way.
	write(t, into, map[string]string{"mine": "m", "a/in the/way": "w", "in": "file", "sub": "-> mine", "empty": "file", "large": "-> /etc/passwd"})
	for range 2 { // again after a crash in between
		must(t, b.RestoreWorkspace(t.Context(), "e", into))
		before["mine"] = "m"
		if diff := cmp.Diff(before, tree(t, into)); diff != "" {
			t.Error(diff)
		}
	}
	for name, want := range map[string]os.FileMode{"a": 0o751, "sub/ro": os.ModeDir | 0o555, "sub/ro/file": 0o644} {
		info, err := os.Lstat(filepath.Join(into, name))
		must(t, err)
		if info.Mode() != want || !info.ModTime().Equal(at) {
			t.Errorf("%s: %v, %v", name, info.Mode(), info.ModTime())
		}
	}
	// Users do not get it as an artifact.
	list, err := b.Artifacts(t.Context(), "e")
	must(t, err)
	all, err := b.store.Artifacts(t.Context(), "e")
	must(t, err)
	if len(list) != 0 || len(all) != 1 || all[0].ExpiresAt.Sub(all[0].CreatedAt).Round(time.Hour) != 7*24*time.Hour {
		t.Errorf("%+v, %+v", list, all)
	}
	_, err = b.Artifact(t.Context(), all[0].ID)
	refused(t, core.CodeNotFound, err)
}

// tree0 is tree without a name.
func tree0(t *testing.T, folder, without string) map[string]string {
	t.Helper()
	must(t, os.Remove(filepath.Join(folder, without)))
	found := tree(t, folder)
	must(t, syscall.Mkfifo(filepath.Join(folder, without), 0o644))
	return found
}

func TestWorkspaceAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	refused(t, core.CodeNotFound, b.RestoreWorkspace(t.Context(), "e", b.workspace))
	must(t, b.SaveWorkspace(t.Context(), build, b.workspace)) // an empty one
	into := t.TempDir()
	must(t, b.RestoreWorkspace(t.Context(), "e", into))
	for _, content := range []string{"1", "2"} {
		write(t, b.workspace, map[string]string{"f": content})
		must(t, b.SaveWorkspace(t.Context(), build, b.workspace))
		must(t, b.RestoreWorkspace(t.Context(), "e", into))
		if diff := cmp.Diff(map[string]string{"f": content}, tree(t, into)); diff != "" {
			t.Error(diff)
		}
	}
	refused(t, core.CodeUnavailable, b.RestoreWorkspace(t.Context(), "e", filepath.Join(into, "gone")))
	b.damage(t)
	write(t, into, map[string]string{"f": "mine"})
	refused(t, core.CodeInternal, b.RestoreWorkspace(t.Context(), "e", into))
	if diff := cmp.Diff(map[string]string{"f": "mine"}, tree(t, into)); diff != "" {
		t.Errorf("damaged, and written: %s", diff)
	}
	must(t, b.SaveWorkspace(t.Context(), build, b.workspace)) // repairs
	must(t, b.RestoreWorkspace(t.Context(), "e", into))
}

func TestWorkspaceLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{Workspace: 100_000})
	write(t, b.workspace, map[string]string{"f": strings.Repeat("\x00", 90_000)})
	must(t, b.SaveWorkspace(t.Context(), build, b.workspace))
	must(t, b.RestoreWorkspace(t.Context(), "e", t.TempDir()))
	write(t, b.workspace, map[string]string{"g": strings.Repeat("\x00", 10_000)}) // however well it compresses
	refused(t, core.CodeTooLarge, b.SaveWorkspace(t.Context(), Source{ExecutionID: "f"}, b.workspace))
	refused(t, core.CodeNotFound, b.RestoreWorkspace(t.Context(), "f", t.TempDir()))
	lower := New(b.store, b.blobs, Limits{Workspace: 50_000}, b.log)
	refused(t, core.CodeTooLarge, lower.RestoreWorkspace(t.Context(), "e", t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.SaveWorkspace(ctx, build, b.workspace); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := b.RestoreWorkspace(ctx, "e", t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A disk without room for the archive is its error, and nobody waits for ever.
func TestWorkspaceNoRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"f": strings.Repeat("x", 1<<20)})
	must(t, os.RemoveAll(filepath.Join(b.contents, "incoming")))
	refused(t, core.CodeUnavailable, b.SaveWorkspace(t.Context(), build, b.workspace))
}

func TestInherit(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"f": "content"})
	for _, step := range []string{"one", "two", "three"} {
		source := Source{ExecutionID: "old", PipelineID: "p", Stage: "s", Step: step}
		_, err := b.Collect(t.Context(), source, b.workspace, core.ArtifactSpec{Paths: []string{"f"}})
		must(t, err)
	}
	must(t, b.SaveWorkspace(t.Context(), Source{ExecutionID: "old"}, b.workspace))
	for range 2 { // again after a crash in between
		must(t, b.Inherit(t.Context(), "old", "new", func(stage, step string) bool { return stage == "s" && step != "two" }))
	}
	// The old execution's are gone; what was inherited is not.
	old, err := b.store.Artifacts(t.Context(), "old")
	must(t, err)
	for _, a := range old {
		must(t, b.store.DeleteArtifact(t.Context(), a.ID))
	}
	b.age(t)
	must(t, b.sweep(t.Context()))
	list, err := b.store.Artifacts(t.Context(), "new")
	must(t, err)
	var names []string
	for _, a := range list {
		names = append(names, a.Name)
		r, _, err := b.OpenFile(t.Context(), a, "f")
		must(t, err)
		must(t, r.Close())
		if kept := a.ExpiresAt.Sub(a.CreatedAt).Round(time.Hour); kept != 30*24*time.Hour || a.PipelineID != "p" || a.Step != a.Name {
			t.Errorf("%+v", a)
		}
	}
	if diff := cmp.Diff([]string{"one", "three"}, names); diff != "" {
		t.Error(diff)
	}
	// A step of the new execution stores its own.
	_, err = b.Collect(t.Context(), Source{ExecutionID: "new", Stage: "s", Step: "two"}, b.workspace, core.ArtifactSpec{Paths: []string{"f"}})
	must(t, err)
	must(t, b.Inherit(t.Context(), "nobody", "new", func(string, string) bool { return true }))
}
