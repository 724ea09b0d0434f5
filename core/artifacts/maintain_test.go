package artifacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

func TestHashFiles(t *testing.T) {
	t.Parallel()
	hash := func(files map[string]string, patterns ...string) string {
		t.Helper()
		folder := t.TempDir()
		write(t, folder, files)
		text, err := HashFiles(folder, patterns...)
		must(t, err)
		return text
	}
	base := hash(map[string]string{"go.sum": "a", "sub/go.sum": "b", "other": "c"}, "**/go.sum")
	if len(base) != 64 {
		t.Errorf("%q", base)
	}
	for name, test := range map[string]struct {
		same  bool
		files map[string]string
		globs []string
	}{
		"another file":     {true, map[string]string{"go.sum": "a", "sub/go.sum": "b", "new": "x"}, []string{"**/go.sum"}},
		"other globs":      {true, map[string]string{"go.sum": "a", "sub/go.sum": "b"}, []string{"sub/*", "go.*", "go.sum"}},
		"a link to it":     {true, map[string]string{"real": "a", "go.sum": "-> real", "sub/go.sum": "b"}, []string{"**/go.sum"}},
		"content":          {false, map[string]string{"go.sum": "a", "sub/go.sum": "B"}, []string{"**/go.sum"}},
		"path":             {false, map[string]string{"go.sum": "a", "sup/go.sum": "b"}, []string{"**/go.sum"}},
		"exchanged":        {false, map[string]string{"go.sum": "b", "sub/go.sum": "a"}, []string{"**/go.sum"}},
		"fewer":            {false, map[string]string{"go.sum": "a", "sub/go.sum": "b"}, []string{"**/go.sum", "!sub"}},
		"one for both":     {false, map[string]string{"go.sum": "ab", "sub/go.sum": ""}, []string{"**/go.sum"}},
		"an empty one too": {false, map[string]string{"go.sum": "a", "sub/go.sum": "b", "x/go.sum": ""}, []string{"**/go.sum"}},
	} {
		if got := hash(test.files, test.globs...); (got == base) != test.same {
			t.Errorf("%s: %s, base %s", name, got, base)
		}
	}
	for _, globs := range [][]string{nil, {"missing"}, {"*.x", "!*"}, {"folder"}} {
		if got := hash(map[string]string{"a": "1", "folder/": ""}, globs...); got != "" {
			t.Errorf("%v: %q", globs, got)
		}
	}
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"go.sum": "a", "sub/go.sum": "b"})
	if got, err := b.Hash(b.workspace, "**/go.sum"); got != base || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_, err := HashFiles(filepath.Join(b.workspace, "gone"), "*")
	refused(t, core.CodeUnavailable, err)
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"f": "shared", "g": "own"})
	for i := range expiredAtOnce + 5 {
		source := Source{ExecutionID: fmt.Sprint(i), Step: "s"}
		_, err := b.Collect(t.Context(), source, b.workspace, core.ArtifactSpec{Paths: []string{"f"}, Retention: 1})
		must(t, err)
	}
	_, err := b.Collect(t.Context(), Source{ExecutionID: "short", Step: "s"}, b.workspace, core.ArtifactSpec{Paths: []string{"g"}, Retention: 1})
	must(t, err)
	kept, err := b.Collect(t.Context(), Source{ExecutionID: "long", Step: "s"}, b.workspace, core.ArtifactSpec{Paths: []string{"f"}})
	must(t, err)
	for { // until the clock, which has microseconds in stores, is past the last of them
		if list, err := b.store.ExpiredArtifacts(t.Context(), time.Now(), 1000); err != nil || len(list) == expiredAtOnce+6 {
			must(t, err)
			break
		}
	}
	b.age(t)
	b.Tidy(t.Context())
	if size, err := b.blobs.Size(t.Context()); size != int64(len("shared")) || err != nil {
		t.Errorf("%d bytes are left, %v", size, err)
	}
	left, err := b.store.ExpiredArtifacts(t.Context(), time.Now().Add(1000*time.Hour), 1000)
	must(t, err)
	if len(left) != 1 || left[0].ID != kept.ID {
		t.Errorf("%d artifacts are left", len(left))
	}
	r, _, err := b.OpenFile(t.Context(), kept, "f")
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	if string(content) != "shared" {
		t.Errorf("%q", content)
	}
}

// What is killed between storing content and naming it leaves content that nobody
// names: it stays while it is young or somebody is storing, and then goes.
func TestUnnamedContent(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	left := func() int64 {
		t.Helper()
		must(t, b.sweep(t.Context()))
		size, err := b.blobs.Size(t.Context())
		must(t, err)
		return size
	}
	end := b.begin()
	_, _, err := b.blobs.Put(t.Context(), strings.NewReader("unnamed"), 100)
	must(t, err)
	if got := left(); got != 7 {
		t.Errorf("young: %d", got)
	}
	b.mu.Lock()
	for began := range b.storing { // as if it had gone on for long
		*began = time.Now().Add(-200 * time.Hour)
	}
	b.mu.Unlock()
	b.age(t)
	if got := left(); got != 7 {
		t.Errorf("somebody is storing: %d", got)
	}
	end()
	if got := left(); got != 0 {
		t.Errorf("old: %d", got)
	}
}

// badStore cannot say what is in use.
type badStore struct{ Store }

func (badStore) BlobsInUse(context.Context, func(string)) error { return errors.New("broken") }

func TestNotKnowingRemovesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"f": "content"})
	_, err := b.Collect(t.Context(), build, b.workspace, core.ArtifactSpec{Paths: []string{"f"}})
	must(t, err)
	b.age(t)
	var log strings.Builder
	broken := New(badStore{b.store}, b.blobs, Limits{}, hclog.New(&hclog.LoggerOptions{Output: &log}))
	broken.Tidy(t.Context())
	if size, err := b.blobs.Size(t.Context()); size != 7 || err != nil {
		t.Errorf("%d bytes are left, %v", size, err)
	}
	if !strings.Contains(log.String(), "unused content was not removed") {
		t.Errorf("log: %s", log.String())
	}
}

func TestMaintain(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{Interval: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.Maintain(ctx); close(ended) }()
	for range 2 { // at once, and again
		hash, _, err := b.blobs.Put(t.Context(), strings.NewReader("unnamed"), 100)
		must(t, err)
		// Only its age, not the folder's of what is being stored.
		if err := os.Chtimes(filepath.Join(b.contents, hash[:2], hash), time.Time{}, time.Now().Add(-100*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for {
			if size, err := b.blobs.Size(t.Context()); size == 0 {
				must(t, err)
				break
			}
		}
	}
	cancel()
	<-ended
}
