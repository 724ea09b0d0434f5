//go:build linux

package main

import (
	"os"
	"testing"
)

// Whatever is sent through the server, it holds a bounded part of it, answers its
// health check, and says clearly what is too much. PATCHBAY_BOUNDS=full takes the
// sizes of scripts/chaos bounds instead of those that a test has time for.
func TestBounds(t *testing.T) {
	t.Parallel()
	size := "small"
	if os.Getenv("PATCHBAY_BOUNDS") == "full" {
		size = "full"
	}
	for _, load := range []string{"queue", "output", "line", "lines", "followers", "steps", "requests"} {
		t.Run(load, func(t *testing.T) { // one after the other: they are measured
			chaos(t, "bounds", "-size", size, "-only", load)
		})
	}
}
