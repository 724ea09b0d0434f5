package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// artifactServer serves artifacts by name, with files by path. Content that begins with
// ! is not what its hash says.
func artifactServer(t *testing.T, artifacts map[string]map[string]string) *httptest.Server {
	type file struct {
		Path   string `json:"path"`
		Size   int    `json:"size"`
		Mode   string `json:"mode"`
		SHA256 string `json:"sha256"`
	}
	describe := func(name string) map[string]any {
		files := []file{}
		for path, content := range artifacts[name] {
			sum := sha256.Sum256([]byte(strings.TrimPrefix(content, "!")))
			files = append(files, file{path, len(content), "0755", hex.EncodeToString(sum[:])})
		}
		return map[string]any{"id": name, "name": name, "execution_id": "e", "pipeline_id": "p", "size": 1, "file_count": len(files),
			"created_at": "2026-01-02T03:04:05Z", "expires_at": "2026-01-02T03:04:05Z", "files": files}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, isArtifact := strings.CutPrefix(r.URL.Path, "/api/ci/artifacts/")
		name, path, isFile := strings.Cut(rest, "/files/")
		switch {
		case !isArtifact:
			list := []any{}
			for name := range artifacts {
				list = append(list, describe(name))
			}
			_ = json.NewEncoder(w).Encode(list)
		case isFile:
			fmt.Fprint(w, artifacts[name][path])
		default:
			_ = json.NewEncoder(w).Encode(describe(name))
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// contents are the files below a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		found[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDownloadArtifacts(t *testing.T) {
	t.Parallel()
	server := artifactServer(t, map[string]map[string]string{"dist": {"bin/a b": "one", "100%.txt": "two"}, "docs": {"é/ü?#.md": "three"}})
	all, one := t.TempDir(), filepath.Join(t.TempDir(), "new")
	a, stdout, stderr := clientApp(server.URL)
	if code := a.main(t.Context(), []string{"execution", "artifacts", "e", "--download", all}); code != 0 || !strings.Contains(stdout.String(), "Saved artifact dist: 2 files") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if diff := cmp.Diff(map[string]string{"dist/bin/a b": "one", "dist/100%.txt": "two", "docs/é/ü?#.md": "three"}, contents(t, all)); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(filepath.Join(all, "dist", "100%.txt")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	a, _, stderr = clientApp(server.URL)
	if code := a.main(t.Context(), []string{"execution", "artifacts", "e", "--download", one, "--name", "docs"}); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(map[string]string{"é/ü?#.md": "three"}, contents(t, one)); diff != "" {
		t.Error(diff)
	}
	a, _, stderr = clientApp(server.URL)
	if code := a.main(t.Context(), []string{"execution", "artifacts", "e", "--download", one, "--name", "none"}); code != exitFailed || !strings.Contains(stderr.String(), `no artifact "none"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// Whatever a server says, nothing is written outside of the folder, and nothing that is
// not what was announced.
func TestDownloadsAreNotTrusted(t *testing.T) {
	t.Parallel()
	for name, artifacts := range map[string]map[string]map[string]string{
		"a path upwards":      {"dist": {"../../evil": "x"}},
		"a name upwards":      {"..": {"evil": "x"}},
		"an absolute path":    {"dist": {"/evil": "x"}},
		"through a link":      {"link": {"evil": "x"}},
		"of other content":    {"dist": {"a": "!x"}},
		"a folder and a file": {"dist": {"a": "x", "a/b": "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := artifactServer(t, artifacts)
			parent := t.TempDir()
			folder, outside := filepath.Join(parent, "in"), filepath.Join(parent, "out")
			for _, dir := range []string{folder, outside} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(outside, filepath.Join(folder, "link")); err != nil {
				t.Fatal(err)
			}
			a, _, stderr := clientApp(server.URL)
			if code := a.main(t.Context(), []string{"execution", "artifacts", "e", "--download", folder}); code != exitFailed || !strings.Contains(stderr.String(), "artifact ") {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			for path := range contents(t, parent) {
				if !strings.HasPrefix(path, "in/") || strings.HasSuffix(path, ".partial") || name == "of other content" && path == "in/dist/a" {
					t.Errorf("left %s", path)
				}
			}
		})
	}
}
