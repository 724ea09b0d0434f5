//go:build linux

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// chaos runs scripts/chaos on the built binaries: what takes some seconds here can
// take as long as one likes there. Its report is the test's log.
func chaos(t *testing.T, mode string, args ...string) {
	t.Helper()
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", append([]string{"run", "../../scripts/chaos", mode, "-bin", bin}, args...)...)
	output, err := command.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Errorf("%v; repeat it with: go run ./scripts/chaos %s %s", err, mode, strings.Join(args, " "))
	}
}

// Whatever is killed, and whenever: what was acknowledged runs, to its end, once. Of what steps leave running, nothing stays.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"server":  {"-kill", "server", "-seed", "1", "-for", "4s", "-executions", "24"},
		"plugins": {"-kill", "plugin", "-seed", "2", "-for", "4s", "-executions", "24"},
		"both":    {"-kill", "server,plugin", "-seed", "3", "-for", "4s", "-executions", "24"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chaos(t, "kill", append(args, "-server-every", "600ms", "-plugin-every", "500ms", "-quiet", "500ms")...)
		})
	}
}

// The same with work in containers: each ran once, and none is left.
func TestKilledWithContainers(t *testing.T) {
	t.Parallel()
	needDocker(t)
	chaos(t, "kill", "-kill", "server,plugin", "-seed", "4", "-for", "4s", "-executions", "10",
		"-server-every", "600ms", "-quiet", "500ms", "-leave=false", "-image", os.Getenv("PATCHBAY_TEST_IMAGE"))
}
