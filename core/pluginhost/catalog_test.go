package pluginhost_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func TestDescriptionsAreCachedByContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"one", "two"}, nil)
	first := f.Connectors(t.Context())
	if diff := cmp.Diff(2, len(f.launches(t))); diff != "" {
		t.Fatal(diff)
	}
	for _, entry := range first {
		want := &core.ConnectorInfo{Name: entry.Name, Path: filepath.Join(f.options.Path[0], pluginhost.Prefix+entry.Name),
			Version: "1.2.3", Summary: "for tests", State: core.ConnectorRunning, SHA256: entry.SHA256,
			Actions: []core.ActionInfo{{Name: "act", Help: "does it", ConfigSchema: []byte(`{"type":"object"}`),
				Outputs: []core.ConnectorNeed{{Name: "out", Help: "a value"}}}},
			Capabilities: []string{"destroy_step"},
			Secrets:      []core.ConnectorNeed{{Name: "KEY", Help: "a key", Required: true}}}
		if diff := cmp.Diff(want, entry); diff != "" {
			t.Error(diff)
		}
		if len(entry.SHA256) != 64 {
			t.Errorf("SHA-256 is %q", entry.SHA256)
		}
	}
	second := f.open(t)
	for _, entry := range second.Connectors(t.Context()) {
		if entry.State != core.ConnectorAvailable || len(entry.Actions) != 1 {
			t.Errorf("from the cache: %+v", entry)
		}
	}
	if _, err := second.Connector(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if n := len(f.launches(t)); n != 2 {
		t.Errorf("the cache was not used: %d launches", n)
	}
}

// Both names are one file here, so the cache of one must not describe the other.
func TestDescriptionUnderAnotherName(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"one"}, nil)
	if _, err := f.Connector(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	install(t, f.options.Path[0], "two")
	entry, err := f.Connector(t.Context(), "two")
	if err != nil || entry.State == core.ConnectorBroken {
		t.Errorf("got %+v, %v", entry, err)
	}
}

func TestDamagedCacheIsLearnedAgain(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty": "", "cut": `{"sha256":"`, "other type": `[1]`, "nothing in it": `{}`, "binary": "\x00\xff",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, "", []string{"good"}, nil)
			if _, err := f.Connector(t.Context(), "good"); err != nil {
				t.Fatal(err)
			}
			damaged := 0
			err := filepath.WalkDir(f.options.CacheDir, func(path string, entry os.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				damaged++
				return os.WriteFile(path, []byte(content), 0o600)
			})
			if err != nil || damaged == 0 {
				t.Fatalf("%d files, %v", damaged, err)
			}
			entry, err := f.open(t).Connector(t.Context(), "good")
			if err != nil || entry.State == core.ConnectorBroken || entry.Version != "1.2.3" {
				t.Errorf("got %+v, %v", entry, err)
			}
		})
	}
}

func TestBrokenConnectors(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"die":      `exit code 3; its last words: cannot find libfoo\.so`,
		"chatty":   `wrote "hello, I am no connector" where a handshake`,
		"version":  `another version of the connector protocol`,
		"tcp":      `listens on tcp 127\.0\.0\.1:1`,
		"misnamed": `its name is "other": rename the file to patchbay-connector-other`,
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mode, []string{"bad"}, nil)
			entries := f.Connectors(t.Context())
			if len(entries) != 1 || entries[0].State != core.ConnectorBroken || !regexp.MustCompile(want).MatchString(entries[0].Reason) {
				t.Fatalf("got %+v, want a reason like %q", entries[0], want)
			}
			f.Connectors(t.Context())
			if n := len(f.launches(t)); n != 1 {
				t.Errorf("%d launches of one broken file", n)
			}
			_, err := use(t.Context(), f.Host, "bad", "")
			if sdk.ClassOf(err) != sdk.ClassInternal || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("Use: %v", err)
			}
		})
	}
}

func TestSlowOnesAreGivenUp(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"hang":   "did not shake hands within 1s; is it a connector?; its last words: thinking about it",
		"wedged": "",        // what gRPC says, in time
		"silent": "did not", // at the handshake or at Describe: its logger asks for its name
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mode, []string{"bad"}, func(o *pluginhost.Options) { o.StartTimeout = time.Second })
			entry, err := f.Connector(t.Context(), "bad")
			if err != nil || entry.State != core.ConnectorBroken || !strings.Contains(entry.Reason, want) {
				t.Errorf("got %+v, %v", entry, err)
			}
		})
	}
}

func TestFilesThatAreNoPrograms(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	folder := f.options.Path[0]
	script := "#!/bin/sh\necho nothing to see >&2\nexit 4\n"
	for name, file := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"script": {script, 0o755}, "text": {script, 0o644}, "empty": {"", 0o755}, "garbage": {"\x01\x02\x03", 0o755},
		"nointerpreter": {"#!/no/such/program\n", 0o755}, "Wrong_Name": {script, 0o755},
	} {
		if err := os.WriteFile(filepath.Join(folder, pluginhost.Prefix+name), []byte(file.content), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, pluginhost.Prefix+"folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "unrelated"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	wants := []struct{ name, reason string }{
		{"Wrong_Name", "is not a name for a connector"}, {"empty", "empty file"}, {"folder", "it is a folder"},
		{"garbage", "not a program for"}, {"good", "^$"}, {"nointerpreter", "interpreter"},
		{"script", "exit code 4; its last words: nothing to see"}, {"text", "not executable: chmod \\+x"},
	}
	entries := f.Connectors(t.Context())
	if len(entries) != len(wants) {
		t.Fatalf("%d entries", len(entries))
	}
	for i, want := range wants {
		if entries[i].Name != want.name || !regexp.MustCompile(want.reason).MatchString(entries[i].Reason) {
			t.Errorf("got %s: %q, want %s: %q", entries[i].Name, entries[i].Reason, want.name, want.reason)
		}
	}
	// One that is repaired is tried again.
	if err := os.Remove(filepath.Join(folder, pluginhost.Prefix+"script")); err != nil {
		t.Fatal(err)
	}
	install(t, folder, "script")
	if entry, err := f.Connector(t.Context(), "script"); err != nil || entry.State == core.ConnectorBroken {
		t.Errorf("after the repair: %+v, %v", entry, err)
	}
}

func TestNewBinariesJoinAndTheFirstFolderWins(t *testing.T) {
	t.Parallel()
	second := t.TempDir()
	f := newFixture(t, "", []string{"good"}, func(o *pluginhost.Options) {
		o.Path = append(o.Path, filepath.Join(second, "missing"), second)
	})
	_, err := f.Connector(t.Context(), "god")
	if core.CodeOf(err) != core.CodeNotFound {
		t.Fatalf("got %v", err)
	}
	var missing *core.Error
	if errorsAs(err, &missing); !strings.Contains(strings.Join(missing.Suggestions, " "), "did you mean good?") {
		t.Errorf("suggestions are %q", missing.Suggestions)
	}
	install(t, second, "god")
	install(t, second, "good")
	entry, err := f.Connector(t.Context(), "god")
	if err != nil || filepath.Dir(entry.Path) != second {
		t.Errorf("got %+v, %v", entry, err)
	}
	if entry, err = f.Connector(t.Context(), "good"); err != nil || filepath.Dir(entry.Path) == second {
		t.Errorf("got %+v, %v", entry, err)
	}
}

func TestListingGivesUpWithItsCaller(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "hang", []string{"bad"}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if entries := f.Connectors(ctx); len(entries) != 1 || entries[0].State != core.ConnectorBroken {
		t.Errorf("got %+v", entries)
	}
}

func TestInstalledLaunchesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	if err := os.WriteFile(filepath.Join(f.options.Path[0], pluginhost.Prefix+"empty"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	list := f.Installed()
	if len(list) != 2 || list[0].State != core.ConnectorBroken || list[1].State != core.ConnectorAvailable || len(list[1].SHA256) != 64 {
		t.Errorf("got %+v, %+v", list[0], list[1])
	}
	if n := len(f.launches(t)); n != 0 {
		t.Errorf("%d launches", n)
	}
}
