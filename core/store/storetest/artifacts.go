package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

func newArtifact(executionID, name string) *core.Artifact {
	return &core.Artifact{ID: newID(), ExecutionID: executionID, PipelineID: "p", Kind: core.ArtifactFiles, Name: name,
		Files: []core.ArtifactFile{{Path: "a/☃", Size: 3, Mode: 0o755, SHA256: "of " + name}}, Size: 3,
		CreatedAt: moment(), ExpiresAt: moment().Add(time.Hour)}
}

func newCache(pipelineID, key string) *core.CacheEntry {
	return &core.CacheEntry{ID: newID(), PipelineID: pipelineID, Key: key, SHA256: "of " + key, Size: 3, CreatedAt: moment(), UsedAt: moment()}
}

// together does something many times, some at once: a durable store shares the
// commits of what comes together.
func together(t *testing.T, many int, do func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			for i := worker; i < many; i += 16 {
				if err := do(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func artifacts(t *testing.T, s core.Store) {
	ctx := t.Context()
	var want []*core.Artifact
	for _, name := range odd {
		a := newArtifact("e", name)
		must(t, s.CreateArtifact(ctx, a))
		must(t, s.CreateArtifact(ctx, newArtifact("another", name)))
		want = append(want, a)
	}
	refused(t, core.CodeConflict, s.CreateArtifact(ctx, newArtifact("e", "a")))
	refused(t, core.CodeConflict, s.CreateArtifact(ctx, &core.Artifact{ID: want[0].ID, ExecutionID: "third", Name: "n"}))
	got, err := s.Artifacts(ctx, "e")
	must(t, err)
	same(t, want, got)
	one, err := s.Artifact(ctx, want[5].ID)
	must(t, err)
	same(t, want[5], one)

	must(t, s.DeleteArtifact(ctx, want[5].ID))
	_, err = s.Artifact(ctx, want[5].ID)
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.DeleteArtifact(ctx, want[5].ID))
	again := newArtifact("e", want[5].Name)
	again.Kind, again.Files = core.ArtifactWorkspace, nil
	for i := range 10_000 {
		again.Files = append(again.Files, core.ArtifactFile{Path: fmt.Sprintf("%06d", i), SHA256: strings.Repeat("0", 64)})
	}
	must(t, s.CreateArtifact(ctx, again)) // the name is free again
	one, err = s.Artifact(ctx, again.ID)
	must(t, err)
	same(t, again, one)
}

func expiredArtifacts(t *testing.T, s core.Store) {
	ctx := t.Context()
	now := moment()
	var want []string
	for i, after := range []time.Duration{-time.Microsecond, -time.Hour, 0, time.Hour, -1000 * time.Hour, -time.Hour} {
		a := newArtifact("e", fmt.Sprint(i))
		// An instant is the same one in any zone.
		a.ExpiresAt = now.Add(after).In(time.FixedZone("far", (i-3)*3600))
		must(t, s.CreateArtifact(ctx, a))
	}
	forever := newArtifact("e", "forever")
	forever.ExpiresAt = time.Time{}
	must(t, s.CreateArtifact(ctx, forever))
	want = []string{"4", "1", "5", "0"}
	for limit, want := range map[int][]string{10: want, 4: want, 2: want[:2], 0: {}, -1: {}} {
		list, err := s.ExpiredArtifacts(ctx, now, limit)
		must(t, err)
		got := []string{}
		for _, a := range list {
			got = append(got, a.Name)
		}
		same(t, want, got)
	}
}

func caches(t *testing.T, s core.Store) {
	ctx := t.Context()
	for _, key := range odd {
		for _, pipeline := range []string{"p", "q"} {
			c := newCache(pipeline, key)
			must(t, s.PutCache(ctx, c))
			got, err := s.CacheByKey(ctx, pipeline, key)
			must(t, err)
			same(t, c, got)
		}
	}
	before, err := s.CacheByKey(ctx, "p", "a")
	must(t, err)
	next := newCache("p", "a")
	must(t, s.PutCache(ctx, next))
	got, err := s.CacheByKey(ctx, "p", "a")
	must(t, err)
	same(t, next, got)
	refused(t, core.CodeNotFound, s.DeleteCache(ctx, before.ID)) // it was replaced
	refused(t, core.CodeNotFound, s.TouchCache(ctx, before.ID, moment()))
	other, err := s.CacheByKey(ctx, "q", "a")
	must(t, err)
	if other.PipelineID != "q" {
		t.Errorf("%+v", other)
	}
	must(t, s.DeleteCache(ctx, next.ID))
	_, err = s.CacheByKey(ctx, "p", "a")
	refused(t, core.CodeNotFound, err)
	list, err := s.Caches(ctx, 1000)
	must(t, err)
	if len(list) != 2*len(odd)-1 {
		t.Errorf("%d are left of %d", len(list), 2*len(odd))
	}
}

func cachePrefixes(t *testing.T, s core.Store) {
	ctx := t.Context()
	start := moment()
	for i, key := range []string{"go-2", "go-1", "go", "go-10", "go.", "GO-9", "go-\U0010ffff", "\U0010ffff", "go_%", "npm-1"} {
		c := newCache("p", key)
		c.CreatedAt = start.Add(time.Duration(i) * time.Second)
		must(t, s.PutCache(ctx, c))
	}
	foreign := newCache("q", "go-99")
	foreign.CreatedAt = start.Add(time.Hour)
	must(t, s.PutCache(ctx, foreign))
	for prefix, want := range map[string]string{"": "npm-1", "go": "go_%", "go-": "go-\U0010ffff", "go-1": "go-10", "go-2": "go-2",
		"GO": "GO-9", "go_": "go_%", "go%": "", "g": "go_%", "go-10": "go-10", "go-100": "", "x": "", "\U0010ffff": "\U0010ffff",
		"go-9": "", "*": "", "go-\xf4\x8f\xbf\xbf": "go-\U0010ffff"} {
		got, err := s.CacheByPrefix(ctx, "p", prefix)
		if want == "" {
			refused(t, core.CodeNotFound, err)
			continue
		}
		must(t, err)
		if got.Key != want {
			t.Errorf("prefix %q: got %q, want %q", prefix, got.Key, want)
		}
	}
	// Used lately is not new.
	old, err := s.CacheByKey(ctx, "p", "go-1")
	must(t, err)
	must(t, s.TouchCache(ctx, old.ID, start.Add(time.Hour)))
	got, err := s.CacheByPrefix(ctx, "p", "go")
	must(t, err)
	if got.Key != "go_%" {
		t.Errorf("after a use: got %q", got.Key)
	}
}

func cachesByUse(t *testing.T, s core.Store) {
	ctx := t.Context()
	start := moment()
	var ids []string
	for i, used := range []int{3, 1, 2, 1} { // of two of the same time, the lesser ID first
		c := newCache([]string{"p", "q"}[i%2], fmt.Sprint(i))
		c.UsedAt = start.Add(time.Duration(used) * time.Second)
		must(t, s.PutCache(ctx, c))
		ids = append(ids, c.ID)
	}
	must(t, s.TouchCache(ctx, ids[1], start.Add(time.Minute)))
	want := []string{"3", "2", "0", "1"}
	for limit, want := range map[int][]string{9: want, 4: want, 1: want[:1], 0: {}, -1: {}} {
		list, err := s.Caches(ctx, limit)
		must(t, err)
		got := []string{}
		for _, c := range list {
			got = append(got, c.Key)
		}
		same(t, want, got)
	}
	touched, err := s.CacheByKey(ctx, "q", "1")
	must(t, err)
	if !touched.UsedAt.Equal(start.Add(time.Minute)) || touched.CreatedAt.After(start.Add(time.Second)) {
		t.Errorf("%+v", touched)
	}
}

func blobsInUse(t *testing.T, s core.Store) {
	ctx := t.Context()
	a, gone := newArtifact("e", "a"), newArtifact("e", "gone")
	a.Files = append(a.Files, core.ArtifactFile{Path: "b", SHA256: "of b"})
	must(t, s.CreateArtifact(ctx, a))
	must(t, s.CreateArtifact(ctx, gone))
	must(t, s.DeleteArtifact(ctx, gone.ID))
	must(t, s.PutCache(ctx, newCache("p", "c")))
	replaced := newCache("p", "d")
	replaced.SHA256 = "of nothing any more"
	must(t, s.PutCache(ctx, replaced))
	must(t, s.PutCache(ctx, newCache("p", "d")))
	var got []string
	must(t, s.BlobsInUse(ctx, func(hash string) {
		got = append(got, hash)
		if _, err := s.Artifact(ctx, a.ID); err != nil { // the store may be used meanwhile
			t.Error(err)
		}
	}))
	slices.Sort(got)
	same(t, []string{"of a", "of b", "of c", "of d"}, slices.Compact(got))
}

// oneArtifactAName: of many that are stored under one name, one is taken.
func oneArtifactAName(t *testing.T, s core.Store) {
	ctx := t.Context()
	var mu sync.Mutex
	taken := 0
	together(t, 64, func(i int) error {
		err := s.CreateArtifact(ctx, newArtifact("e", fmt.Sprint(i%2)))
		mu.Lock()
		defer mu.Unlock()
		switch core.CodeOf(err) {
		case "":
			taken++
		case core.CodeConflict:
			err = nil
		}
		return err
	})
	if taken != 2 {
		t.Errorf("%d were taken of two names", taken)
	}
	// Of caches of one key, each takes the place of the one before it.
	together(t, 64, func(i int) error { return s.PutCache(ctx, newCache("p", fmt.Sprint(i%2))) })
	list, err := s.Caches(ctx, 100)
	must(t, err)
	if len(list) != 2 {
		t.Errorf("%d caches of two keys", len(list))
	}
}
