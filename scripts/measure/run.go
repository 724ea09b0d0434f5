package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	noopSteps = 20
	runRounds = 21
)

// noopPipeline has steps that do nothing, one after the other.
func noopPipeline(steps int) string {
	var b strings.Builder
	b.WriteString("name: noop\nstages:\n  - name: s\n    steps:\n")
	for i := range steps {
		fmt.Fprintf(&b, "      - {name: n%d, run: 'true'}\n", i)
	}
	return b.String()
}

// measureRun times `patchbay run` as a whole process, in turn with the bare shells
// that its steps need.
func measureRun(ctx context.Context, bin string) ([]row, error) {
	dir, err := os.MkdirTemp("", "measure-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "noop.yaml")
	if err := os.WriteFile(file, []byte(noopPipeline(noopSteps)), 0o600); err != nil {
		return nil, err
	}
	var whole, bare []time.Duration
	for i := range runRounds + 1 {
		began := time.Now()
		if output, err := exec.CommandContext(ctx, filepath.Join(bin, "patchbay"), "run", file).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, output)
		}
		took := time.Since(began)
		began = time.Now()
		for range noopSteps {
			if err := exec.CommandContext(ctx, "sh", "-c", "true").Run(); err != nil {
				return nil, err
			}
		}
		if i > 0 { // the first fills the caches
			whole, bare = append(whole, took), append(bare, time.Since(began))
		}
	}
	return []row{{fmt.Sprintf("patchbay run of %d no-op steps, whole process", noopSteps), millis(median(whole)),
		fmt.Sprintf("%s for %d bare sh -c", millis(median(bare)), noopSteps)}}, nil
}
