package sdk

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOutputs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]output{
		"":                                    nil,
		"a=1\nb= x=y \n\n":                    {{"a", "1"}, {"b", " x=y "}},
		"a=1\r\n":                             {{"a", "1"}},
		"a<<END\nline 1\n\nline = 2\nEND\nb=": {{"a", "line 1\n\nline = 2"}, {"b", ""}},
		"a=<<x":                               {{"a", "<<x"}},
		"empty<<E\nE":                         {{"empty", ""}},
		" spaced =v":                          {{"spaced", "v"}},
	} {
		got, err := parseOutputs([]byte(text))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(output{})); err != nil || diff != "" {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for text, want := range map[string]string{
		"word":                                "line 1 is not NAME=value",
		"\na b=1":                             "line 2",
		"a<<\nx":                              "no delimiter",
		"a<<END\nx\n":                         "has no end",
		"1a=x":                                "is no name",
		"=x":                                  "is no name",
		"a=1\n<<E\nE":                         "line 2",
		strings.Repeat("a=1\n", maxOutputs+1): "more than",
	} {
		if _, err := parseOutputs([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v; want %q in it", text, err, want)
		}
	}
}

// What a step leaves in the place of its output file must not make the connector
// read, or wait for, something else.
func TestReadOutputs(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a=stolen"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"nothing":   {func(string) error { return nil }, ""},
		"a link":    {func(path string) error { return os.Symlink(secret, path) }, "cannot be read"},
		"a pipe":    {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "not a plain file"},
		"a folder":  {func(path string) error { return os.Mkdir(path, 0o700) }, "not a plain file"},
		"too large": {func(path string) error { return os.WriteFile(path, make([]byte, maxOutputFile+1), 0o600) }, "larger than"},
		"binary":    {func(path string) error { return os.WriteFile(path, []byte("a=\xff"), 0o600) }, "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := test.put(OutputPath(folder)); err != nil {
				t.Fatal(err)
			}
			content, err := readOutputs(folder)
			switch {
			case len(content) > 0:
				t.Errorf("read %d bytes", len(content))
			case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v; want %q", err, test.want)
			}
		})
	}
}

func FuzzParseOutputs(f *testing.F) {
	f.Add([]byte("a=1\nb<<E\nx\nE\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		outputs, err := parseOutputs(content)
		for _, o := range outputs {
			if err == nil && !outputName.MatchString(o.name) {
				t.Errorf("%q is a name", o.name)
			}
		}
	})
}
