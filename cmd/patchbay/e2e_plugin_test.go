package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// newTestConnector writes a connector with `plugin new`, builds it, and returns its
// folder.
func newTestConnector(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "greeter")
	clone, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if got := patchbay(t, "plugin", "new", "greeter", "--dir", folder, "--sdk", clone, "--module", "example.com/acme/greeter"); got.code != 0 {
		t.Fatalf("plugin new: %+v", got)
	}
	// What it needs of other modules has the hashes of the SDK's own.
	sums, err := os.ReadFile(filepath.Join(clone, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"build", "-mod=mod", "-o", "patchbay-connector-greeter", "."}, {"vet", "-mod=mod", "."}, {"test", "-mod=mod", "."}} {
		command := exec.Command("go", args...)
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, output)
		}
	}
	return folder
}

func TestPluginCommands(t *testing.T) {
	t.Parallel()
	folder := newTestConnector(t)
	program := filepath.Join(folder, "patchbay-connector-greeter")
	lock := filepath.Join(folder, "plugins.lock")
	env := []string{"PATCHBAY_PLUGIN_PATH=" + folder, "HOME=" + t.TempDir(), "XDG_CACHE_HOME=", "XDG_DATA_HOME="}
	run := func(code int, args ...string) string {
		t.Helper()
		got := patchbayWith(t, env, append([]string{"plugin"}, args...)...)
		if got.code != code {
			t.Fatalf("plugin %v: exit code %d, want %d\n%s%s", args, got.code, code, got.stdout, got.stderr)
		}
		return got.stdout + got.stderr
	}
	var listed []core.ConnectorInfo
	if err := json.Unmarshal([]byte(run(0, "list", "-o", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, c := range listed {
		found = found || c.Name == "greeter" && c.Path == program && c.State != core.ConnectorBroken && c.Action("greet") != nil
	}
	if !found {
		t.Errorf("the list has no sound greeter: %+v", listed)
	}
	for _, want := range []struct {
		text string
		code int
		args []string
	}{
		{"greeter", 0, []string{"list"}},
		{"Whom to greet", 0, []string{"describe", "greeter"}},
		{"did you mean greeter?", 1, []string{"describe", "greter"}},
		{"0 failed", 0, []string{"test", program}},
		{"failed", 1, []string{"test", "/bin/true"}},
		{"is not a program", 2, []string{"test", folder}},
		{"pins", 0, []string{"lock", "--file", lock}},
		{"are as", 0, []string{"verify", "--file", lock}},
		{"lock file", 2, []string{"verify", "--file", lock + "x"}},
		{"not empty", 1, []string{"new", "greeter", "--dir", folder}},
	} {
		if got := run(want.code, want.args...); !strings.Contains(got, want.text) {
			t.Errorf("plugin %v says\n%s\nwant %q in it", want.args, got, want.text)
		}
	}
	// Another content with the same name: noticed, and not launched.
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := run(1, "verify", "--file", lock); !strings.Contains(got, "changed") {
		t.Errorf("verify says\n%s", got)
	}
	env = append(env, "PATCHBAY_PLUGIN_LOCK="+lock)
	if got := run(1, "describe", "greeter"); !strings.Contains(got, "is not the one that") {
		t.Errorf("describe says\n%s", got)
	}
}
