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

// pluginFolder copies the built shell connector into a folder of the test's own.
func pluginFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	content, err := os.ReadFile(filepath.Join(filepath.Dir(binary(t)), "plugins", "patchbay-connector-shell"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "patchbay-connector-shell"), content, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// buildExample builds the connector of examples/connector-go, a module of its own.
func buildExample(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "patchbay-connector-checksum")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = "../../examples/connector-go"
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return path
}

// A connector from another module is as good as ours: by plugin_name and by name.
func TestThirdPartyConnector(t *testing.T) {
	t.Parallel()
	dir := pluginFolder(t)
	path := buildExample(t, dir)
	plugins := []string{"PATCHBAY_PLUGIN_PATH=" + dir}
	o := patchbayWith(t, plugins, "run", "../../examples/connector-go/pipeline.yaml")
	if o.code != 0 {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	o = patchbayWith(t, plugins, "plugin", "describe", "checksum", "-o", "json")
	var info core.ConnectorInfo
	if err := json.Unmarshal([]byte(o.stdout), &info); err != nil || info.Name != "checksum" || len(info.Actions) == 0 {
		t.Errorf("describe: %v, %+v", err, info)
	}
	o = patchbay(t, "plugin", "test", path, "--cases", "../../examples/connector-go/cases.json")
	if o.code != 0 {
		t.Errorf("plugin test: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// A connector that cannot be used is listed with its reason, and stops nothing.
func TestBrokenConnectorIsListed(t *testing.T) {
	t.Parallel()
	dir := pluginFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "patchbay-connector-broken"), []byte("#!/bin/sh\necho I am no plugin >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	plugins := []string{"PATCHBAY_PLUGIN_PATH=" + dir}
	o := patchbayWith(t, plugins, "plugin", "list", "-o", "json")
	var list []core.ConnectorInfo
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil {
		t.Fatalf("%v in %s%s", err, o.stdout, o.stderr)
	}
	states := map[string]core.ConnectorInfo{}
	for _, info := range list {
		states[info.Name] = info
	}
	if b := states["broken"]; b.State != core.ConnectorBroken || !strings.Contains(b.Reason, "I am no plugin") {
		t.Errorf("the broken one: %+v", b)
	}
	if s := states["shell"]; s.State == core.ConnectorBroken {
		t.Errorf("shell: %+v", s)
	}
	if o := patchbayWith(t, plugins, "run", "../../examples/pipelines/hello.yaml"); o.code != 0 {
		t.Errorf("run: exit code %d\n%s", o.code, o.stderr)
	}
}

func TestPinnedConnectors(t *testing.T) {
	t.Parallel()
	dir := pluginFolder(t)
	plugins := []string{"PATCHBAY_PLUGIN_PATH=" + dir}
	lock := filepath.Join(t.TempDir(), "plugins.lock")
	if o := patchbayWith(t, plugins, "plugin", "lock", "--file", lock); o.code != 0 {
		t.Fatalf("lock: %s", o.stderr)
	}
	if o := patchbayWith(t, plugins, "plugin", "verify", "--file", lock); o.code != 0 {
		t.Errorf("verify: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	file, err := os.OpenFile(filepath.Join(dir, "patchbay-connector-shell"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("tampered"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if o := patchbayWith(t, plugins, "plugin", "verify", "--file", lock); o.code != 1 {
		t.Errorf("verify of a changed binary: exit code %d\n%s", o.code, o.stdout)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"shell", "docker"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "docker" {
				needDocker(t)
			}
			o := patchbay(t, "plugin", "test", filepath.Join(filepath.Dir(binary(t)), "plugins", "patchbay-connector-"+name),
				"--cases", "../../plugins/"+name+"/cases.json")
			if o.code != 0 {
				t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
		})
	}
}

func TestInitThenRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("all:\n\t@echo made\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := patchbay(t, "init", dir); o.code != 0 {
		t.Fatalf("init: %s", o.stderr)
	}
	if o := patchbay(t, "init", dir); o.code != 2 {
		t.Errorf("init over a file: exit code %d", o.code)
	}
	o := patchbay(t, "run", "--workspace", dir, filepath.Join(dir, "patchbay.yaml"))
	if o.code != 0 || !strings.Contains(o.stdout, "made") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}
