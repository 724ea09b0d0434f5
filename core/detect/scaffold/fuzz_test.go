package scaffold_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/patchbay-ci/patchbay/core/detect"
	"github.com/patchbay-ci/patchbay/core/detect/scaffold"
)

// FuzzPipeline wants a valid pipeline, whatever a manifest says, in whatever folder.
func FuzzPipeline(f *testing.F) {
	names := []string{"package.json", "pyproject.toml", "Cargo.toml", "pom.xml", "settings.gradle", "go.mod", "composer.json", "Gemfile", "a.csproj",
		"go.work", "pnpm-workspace.yaml", "build.gradle", "Dockerfile", "Makefile"}
	for i, seed := range []string{`{"name":"a","workspaces":["*"],"scripts":{"test":"x","build":"vite"}}`, "[project]\nname='a'\n[project.scripts]\na='b'",
		"[workspace]\nmembers=['*']\n[package]\nname='a'\n[[bin]]\nname='b'", "<project><modules><module>a b</module></modules></project>", "include ':a b'", "module a"} {
		f.Add(seed, "a b", uint8(i))
	}
	f.Add("test: a", "ä$", uint8(13))
	f.Fuzz(func(t *testing.T, text, folder string, which uint8) {
		dir := t.TempDir()
		inner := filepath.Join(dir, filepath.Base(folder))
		if len(text) > 1<<16 || os.MkdirAll(inner, 0o700) != nil {
			return
		}
		for _, at := range []string{dir, inner} {
			if err := os.WriteFile(filepath.Join(at, names[int(which)%len(names)]), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		report, err := detect.Detect(t.Context(), dir, detect.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		checkPipeline(t, scaffold.Pipeline(folder, report))
		for _, p := range report.Projects {
			scaffold.Dockerfile(p)
		}
	})
}
