package core_test

import (
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"step_type", "depends_on", "run", "timeout", "env"}
	for word, want := range map[string]string{
		"steptype": "step_type", "Step-Type": "step_type", "depend_on": "depends_on", "TIMEOUT": "timeout",
		"rnu": "run", "x": "", "colour": "", strings.Repeat("run", 100): "",
	} {
		if got := core.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
