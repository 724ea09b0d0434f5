package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const cachingFile = `
name: caching
stages:
  - name: s
    steps:
      - name: fetch
        cache: { key: "deps-v1", paths: [deps] }
        run: |
          if [ -f deps/it ]; then echo "found $(cat deps/it)"; else mkdir -p deps; echo fetched > deps/it; echo fetching; fi
`

// cachingRun runs the file with a cache folder and returns what the step printed.
func cachingRun(t *testing.T, caches, file string, flags ...string) string {
	t.Helper()
	o := patchbayWith(t, []string{"XDG_CACHE_HOME=" + caches}, append([]string{"run", file}, flags...)...)
	if o.code != 0 || o.stderr != "" {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	return o.stdout
}

func TestRunKeepsCaches(t *testing.T) {
	t.Parallel()
	caches, file, elsewhere := t.TempDir(), write(t, "p.yaml", cachingFile), write(t, "p.yaml", cachingFile)
	for _, turn := range []struct {
		file, want string
		flags      []string
	}{
		{file, "fetching", []string{"--no-cache"}},
		{file, "fetching", nil},
		{file, "found fetched", nil},
		{elsewhere, "fetching", nil}, // another project's are not its
		{file, "fetching", []string{"--no-cache"}},
		{file, "found fetched", nil},
	} {
		if printed := cachingRun(t, caches, turn.file, turn.flags...); !strings.Contains(printed, turn.want) {
			t.Errorf("%s %v: %q is missing in:\n%s", turn.file, turn.flags, turn.want, printed)
		}
	}
}

// Runs at the same time share a folder of caches, and clean up beside each other.
func TestRunsShareCaches(t *testing.T) {
	t.Parallel()
	caches, file := t.TempDir(), write(t, "p.yaml", cachingFile)
	var runs sync.WaitGroup
	for range 6 {
		runs.Go(func() {
			if printed := cachingRun(t, caches, file); !strings.Contains(printed, "fetching") && !strings.Contains(printed, "found fetched") {
				t.Errorf("the step printed:\n%s", printed)
			}
		})
	}
	runs.Wait()
	if printed := cachingRun(t, caches, file); !strings.Contains(printed, "found fetched") {
		t.Errorf("nothing was kept:\n%s", printed)
	}
}

// Where no caches can be kept, a run says so and goes on without.
func TestRunWithoutAPlaceForCaches(t *testing.T) {
	t.Parallel()
	caches := t.TempDir()
	if err := os.MkdirAll(filepath.Join(caches, "patchbay", "run", "caches.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	o := patchbayWith(t, []string{"XDG_CACHE_HOME=" + caches}, "run", write(t, "p.yaml", cachingFile))
	if o.code != 0 || !strings.Contains(o.stdout, "fetching") || !strings.Contains(o.stderr, "caches of earlier runs cannot be used") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}
