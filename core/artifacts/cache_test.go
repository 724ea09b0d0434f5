package artifacts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func save(t testing.TB, b *bench, key string, paths ...string) bool {
	t.Helper()
	saved, err := b.SaveCache(context.Background(), "p", b.workspace, key, core.CacheSpec{Paths: paths})
	must(t, err)
	return saved
}

func restore(t testing.TB, b *bench, into, key string, prefixes ...string) string {
	t.Helper()
	hit, err := b.RestoreCache(context.Background(), "p", into, key, core.CacheSpec{Paths: []string{"cache"}, RestoreKeys: prefixes})
	must(t, err)
	return hit
}

func TestCache(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	if hit := restore(t, b, b.workspace, "go-1", "go-", ""); hit != "" {
		t.Errorf("hit %q of nothing", hit)
	}
	write(t, b.workspace, map[string]string{"cache/a": "1", "cache/bin/python": "-> /usr/bin/python3", "cache/empty/": "", "single": "2", "other": "3"})
	if !save(t, b, "go-1", "cache", "single", "missing", "cache/a") {
		t.Error("not saved")
	}
	write(t, b.workspace, map[string]string{"cache/a": "later"})
	if save(t, b, "go-1", "cache") {
		t.Error("a cache was changed")
	}
	into := t.TempDir()
	write(t, into, map[string]string{"cache/a": "stale", "cache/mine": "m"})
	if hit := restore(t, b, into, "go-1"); hit != "go-1" {
		t.Errorf("hit %q", hit)
	}
	want := map[string]string{"cache/": "", "cache/a": "1", "cache/bin/": "", "cache/bin/python": "-> /usr/bin/python3", "cache/empty/": "", "cache/mine": "m", "single": "2"}
	if diff := cmp.Diff(want, tree(t, into)); diff != "" {
		t.Error(diff)
	}
	if save(t, b, "nothing", "missing", "mis*") || restore(t, b, into, "nothing") != "" {
		t.Error("nothing was saved")
	}
	for _, key := range []string{"", "\xff ☃ \x00", "go-1/../x"} { // any text is a key
		if !save(t, b, key, "cache") || restore(t, b, t.TempDir(), key) == "" && key != "" {
			t.Errorf("key %q", key)
		}
	}
	_, err := b.SaveCache(t.Context(), "p", b.workspace, "k", core.CacheSpec{Paths: []string{"../x"}})
	refused(t, core.CodeInvalid, err)
	if hit, err := b.RestoreCache(t.Context(), "another", into, "go-1", core.CacheSpec{RestoreKeys: []string{""}}); hit != "" || err != nil {
		t.Errorf("another pipeline's: %q, %v", hit, err)
	}
}

func TestRestoreKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	for _, key := range []string{"go-main-1", "go-main-2", "go-dev-1", "npm-1"} {
		write(t, b.workspace, map[string]string{"cache/key": key})
		save(t, b, key, "cache")
	}
	for want, keys := range map[string][]string{
		"go-main-1": {"go-main-1", "npm"},               // the exact one, also an old one
		"go-main-2": {"go-main-", "go-main", "go", "n"}, // a key itself is no prefix
		"go-dev-1":  {"x", "zz", "go-d", "npm"},
		"npm-1":     {"x", ""},
		"":          {"go", "G", "go-main-3"},
	} {
		into := t.TempDir()
		hit := restore(t, b, into, keys[0], keys[1:]...)
		if hit != want || want != "" && tree(t, into)["cache/key"] != want {
			t.Errorf("%v: hit %q, files of %q; want %q", keys, hit, tree(t, into)["cache/key"], want)
		}
	}
}

// A cache that cannot be read is no cache: the next one is tried, nothing of it is
// left, and its key is free.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(*bench){
		"damaged": func(b *bench) { b.damage(t) },
		"gone":    func(b *bench) { must(t, os.RemoveAll(b.contents)) },
		"no archive": func(b *bench) {
			hash, size, err := b.blobs.Put(context.Background(), strings.NewReader(string(entries(t, file("cache/f", "x"), file("../x", "")))), 1<<20)
			must(t, err)
			must(t, b.store.PutCache(context.Background(), &core.CacheEntry{ID: "x", PipelineID: "p", Key: "k", SHA256: hash, Size: size}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Limits{})
			write(t, b.workspace, map[string]string{"cache/a": "1"})
			save(t, b, "k", "cache")
			harm(b)
			into := t.TempDir()
			if hit := restore(t, b, into, "k", "k", ""); hit != "" || len(tree(t, into)) != 0 {
				t.Errorf("hit %q, %v", hit, tree(t, into))
			}
			must(t, os.MkdirAll(filepath.Join(b.contents, "incoming"), 0o700))
			if !save(t, b, "k", "cache") || restore(t, b, into, "k") != "k" {
				t.Error("not saved again")
			}
		})
	}
}

func TestCacheLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{Cache: 100_000, Caches: 50_000})
	for i := range 4 {
		noise := make([]byte, 20_000)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(noise)
		write(t, b.workspace, map[string]string{fmt.Sprint(i): string(noise)})
		if !save(t, b, fmt.Sprint(i), fmt.Sprint(i)) {
			t.Error("not saved")
		}
		if i == 1 && restore(t, b, t.TempDir(), "0") != "0" { // 1 is the least recently used now
			t.Error("0 is gone")
		}
	}
	var left []string
	list, err := b.store.Caches(t.Context(), 10)
	must(t, err)
	for _, c := range list {
		left = append(left, c.Key)
	}
	if diff := cmp.Diff([]string{"2", "3"}, left); diff != "" {
		t.Error(diff)
	}
	write(t, b.workspace, map[string]string{"zeros": strings.Repeat("\x00", 100_000)})
	_, err = b.SaveCache(t.Context(), "p", b.workspace, "zeros", core.CacheSpec{Paths: []string{"zeros"}})
	refused(t, core.CodeTooLarge, err)
	_, err = b.SaveCache(t.Context(), "p", b.workspace, "three", core.CacheSpec{Paths: []string{"1", "2", "3"}})
	refused(t, core.CodeTooLarge, err)
	if restore(t, b, t.TempDir(), "three") != "" || restore(t, b, t.TempDir(), "3") != "3" {
		t.Error("one that does not fit has pushed others out")
	}
}

// Many save and restore the same keys while caches are removed and content is swept:
// what is restored is whole, always.
func TestCachesConcurrently(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{Caches: 600})
	write(t, b.workspace, map[string]string{"cache/a": strings.Repeat("a", 10_000), "cache/b": strings.Repeat("b", 10_000)})
	want := tree(t, b.workspace)
	var workers, others sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	others.Go(func() {
		for ctx.Err() == nil {
			_ = filepath.WalkDir(b.contents, func(path string, entry os.DirEntry, err error) error {
				if err == nil && entry.Type().IsRegular() && !strings.Contains(path, "incoming") && rand.IntN(2) == 0 {
					_ = os.Chtimes(path, time.Time{}, time.Now().Add(-100*time.Hour))
				}
				return nil
			})
			b.Tidy(context.Background())
		}
	})
	for worker := range 4 {
		workers.Go(func() {
			for i := range 15 {
				key := fmt.Sprint("k", (i+worker)%3)
				if _, err := b.SaveCache(context.Background(), "p", b.workspace, key, core.CacheSpec{Paths: []string{"cache"}}); err != nil {
					t.Error(err)
				}
				into := t.TempDir()
				if restore(t, b, into, key, "k") == "" {
					continue
				}
				if diff := cmp.Diff(want, tree(t, into)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	workers.Wait()
	cancel()
	others.Wait()
}

func TestCacheCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, Limits{})
	write(t, b.workspace, map[string]string{"cache/a": "1"})
	save(t, b, "k", "cache")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.SaveCache(ctx, "p", b.workspace, "l", core.CacheSpec{Paths: []string{"cache"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("save: %v", err)
	}
	if _, err := b.RestoreCache(ctx, "p", b.workspace, "k", core.CacheSpec{}); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	if restore(t, b, t.TempDir(), "k") != "k" {
		t.Error("a cancelled restore removed the cache")
	}
}
