package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
)

// testApp is an app whose environment is a map.
func testApp(environment map[string]string) *app {
	return &app{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{},
		getenv: func(name string) string { return environment[name] }, output: "text"}
}

func TestPluginPath(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		t.Fatal(err)
	}
	beside := filepath.Dir(program)
	for name, c := range map[string]struct {
		first string
		env   map[string]string
		want  []string
	}{
		"home":        {"", map[string]string{"HOME": "/h"}, []string{filepath.Join(beside, "plugins"), beside, "/h/.local/share/patchbay/plugins"}},
		"xdg":         {"", map[string]string{"HOME": "/h", "XDG_DATA_HOME": "/d"}, []string{filepath.Join(beside, "plugins"), beside, "/d/patchbay/plugins"}},
		"nothing":     {"", nil, []string{filepath.Join(beside, "plugins"), beside}},
		"given first": {"/a::/b", map[string]string{"XDG_DATA_HOME": "relative"}, []string{"/a", "/b", filepath.Join(beside, "plugins"), beside}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, testApp(c.env).pluginPath(c.first)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCacheDir(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if got, want := testApp(map[string]string{"HOME": home}).cacheDir(), filepath.Join(home, ".cache", "patchbay"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	file := filepath.Join(home, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := testApp(map[string]string{"XDG_CACHE_HOME": file}).cacheDir(); got != "" {
		t.Errorf("in the place of a file: %q", got)
	}
}

func TestDescribeConfig(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","required":["who"],"properties":{
		"who":{"type":"string","description":"Whom"},
		"how":{"enum":["loud","low"],"default":"low"},
		"list":{"type":"array","items":{"type":"string"}},
		"either":{"anyOf":[{"type":"string"},{"type":"null"},{"type":"array","items":{"type":"integer"}}]},
		"anything":{},
		"nested":{"type":"object","required":["a"],"properties":{"a":{"type":["boolean","null"]}}}}}`
	var got bytes.Buffer
	if err := describeConfig(&got, []byte(schema)); err != nil {
		t.Fatal(err)
	}
	want := `KEY TYPE REQUIRED DEFAULT DESCRIPTION
who string yes - Whom
how loud|low - "low"
list list of string - -
either string or list of integer - -
anything any - -
nested object - -
nested.a boolean or null yes -
`
	var squeezed strings.Builder
	for line := range strings.Lines(got.String()) {
		squeezed.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	if diff := cmp.Diff(want, squeezed.String()); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{``, `[]`, `{"properties":[]}`} {
		if err := describeConfig(&got, []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestComparePins(t *testing.T) {
	t.Parallel()
	lock := &pluginhost.Lock{Version: 1, Connectors: []pluginhost.Pin{{Name: "changed", SHA256: "1"}, {Name: "gone", SHA256: "2"}, {Name: "same", SHA256: "3"}}}
	got := comparePins(lock, []*core.ConnectorInfo{{Name: "changed", SHA256: "x"}, {Name: "folder", State: core.ConnectorBroken},
		{Name: "new", SHA256: "y", Path: "/p"}, {Name: "same", SHA256: "3"}})
	want := []pinReport{{Name: "changed", Status: "changed", Pinned: "1", Found: "x"}, {Name: "gone", Status: "missing", Pinned: "2"},
		{Name: "same", Status: "ok", Pinned: "3", Found: "3"}, {Name: "new", Status: "not_pinned", Found: "y", Path: "/p"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNewConnectorRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ name, module, sdk string }{
		"upper case": {"Acme", "", ""}, "path": {"../acme", "", ""}, "empty": {"", "", ""}, "too long": {strings.Repeat("a", 64), "", ""},
		"module": {"acme", "not a module", ""}, "no clone": {"acme", "", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := newConnectorFor(c.name, c.module, c.sdk); err == nil {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestWriteConnectorKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mine := filepath.Join(folder, "mine")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := newConnectorFor("acme", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := writeConnector(folder, c); err == nil {
		t.Error("written into a folder that is not empty")
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}
