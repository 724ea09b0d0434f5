package artifacts

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// A workspace of 2,000 small files and one of 64 MB.
func largeBench(b *testing.B) *bench {
	s := newBench(b, Limits{})
	files := map[string]string{}
	for i := range 2000 {
		files[fmt.Sprintf("small/%d/%d", i%20, i)] = fmt.Sprint("content of ", i)
	}
	noise := make([]byte, 64<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	files["large"] = string(noise)
	write(b, s.workspace, files)
	return s
}

// BenchmarkCollect is of content that is new the first time and there from then on.
func BenchmarkCollect(b *testing.B) {
	s := largeBench(b)
	for b.Loop() {
		if _, err := s.Collect(b.Context(), build, s.workspace, core.ArtifactSpec{Paths: []string{"**"}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSaveAndRestoreWorkspace(b *testing.B) {
	s := largeBench(b)
	for b.Loop() {
		must(b, s.SaveWorkspace(b.Context(), build, s.workspace))
		must(b, s.RestoreWorkspace(b.Context(), build.ExecutionID, b.TempDir()))
	}
}
