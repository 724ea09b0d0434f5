package project

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ignored says what the patterns of one file at the top say of a path: a folder
// around it that is kept out keeps it out.
func ignored(r *rules, name string) bool {
	for i, c := range name {
		if c == '/' && r.ignores(name[:i], true, false) {
			return true
		}
	}
	return r.ignores(strings.TrimSuffix(name, "/"), strings.HasSuffix(name, "/"), false)
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for text, test := range map[string]struct{ in, out string }{ // brought in, kept out
		"":                      {"a a/b", ""},
		"# a\n\n   \n/\n":       {"a # / b", ""},
		"a":                     {"b ab b/ab", "a a/ b/a a/b"},
		"/a":                    {"b/a ab", "a a/b"},
		"a/":                    {"a b/a", "a/ a/b b/a/c"},
		"a/b":                   {"c/a/b b a/", "a/b a/b/c"},
		"*.log\n!x.log":         {"x.log b/x.log a.txt", "a.log b/a.log"},
		"!x.log\n*.log":         {"a.txt", "x.log"},
		"foo/**":                {"foo/ foo b/foo/a", "foo/a foo/a/b"},
		"**/baz":                {"bazz", "baz a/baz a/b/baz/c"},
		"foo/**/baz":            {"baz foo/bazz", "foo/baz foo/a/baz foo/a/b/baz"},
		"build/*\n!build/keep":  {"build/ build/keep", "build/x build/x/keep"},
		"build/\n!build/keep":   {"b", "build/ build/keep"},
		"*\n!*/\n!*.go":         {"a.go b/a.go b/", "b/c a.txt"},
		"/*\n!/x":               {"x x/y", "a a/x"},
		`\#a`:                   {"a", "#a"},
		`\!a`:                   {"a", "!a"},
		"sp  ":                  {"sp-", "sp"},
		"sp\r":                  {"sp-", "sp"},
		"debug[!a].log":         {"debuga.log", "debug0.log"},
		"debug[^a].log":         {"debuga.log", "debug0.log"},
		"debug[[:digit:]x].log": {"debuga.log", "debug0.log debugx.log"},
		"[]]\n[!]]x":            {"a ]x", "] ax"},
		"{a,b}":                 {"a b", "{a,b}"},
		"a[":                    {"a a[", ""},
		`a\`:                    {"a", ""},
		"?":                     {"ab", "a c/b"},
		"**":                    {"", "a a/b"},
		"**a":                   {"ab", "a ba c/ba"},
		"a**":                   {"ba", "a ab c/ab"},
		"a*b":                   {"a/b", "ab axb"},
		"doc/*.txt":             {"doc/a/b.txt x/doc/a.txt", "doc/b.txt"},
		"\ufeffa":               {"b", "a"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			r := &rules{patterns: parsePatterns(text, false)}
			for name := range strings.FieldsSeq(test.in) {
				if ignored(r, name) {
					t.Errorf("%q keeps %s out", text, name)
				}
			}
			for name := range strings.FieldsSeq(test.out) {
				if !ignored(r, name) {
					t.Errorf("%q lets %s in", text, name)
				}
			}
		})
	}
}

// Git itself is asked about the same.
func TestPatternsAsGitReadsThem(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("git, to compare with: %v", err)
	}
	names := strings.Fields("a b a/b a/b/c x.log x/y.log foo/bar/baz build/out src/build/out #a !a ab a[ {a,b} doc/a.txt doc/sub/a.txt " +
		"debug0.log debuga.log debug].log x/a/y/b x/b d/keep d/x a-b [x] ^a \\a foobarbaz A")
	names = append(names, "sp ", "sp", "a b", "tab\t", "äh", "d/ü.log")
	for _, text := range []string{"a", "/a", "a/", "*.log", "!x.log\n*.log", "*.log\n!x/y.log", "foo/**", "**/baz", "foo/**/baz", "build/",
		"/build", "build/*", `\#a`, `\!a`, `sp\ `, "sp ", "sp\\  ", "debug[!a].log", "debug[^a].log", "debug[0-9].log", "doc/*.txt", "doc/**/*.txt",
		"x/**/b", "d/*\n!d/keep", "d/\n!d/keep", "{a,b}", "a[", "debug[[:digit:]].log", "debug[[:alpha:]].log", "debug[]].log", "debug[!]].log", "**",
		"*\n!*/\n!*.log", "/*\n!/x", "a/b", "?", "**/a/b", "**a", "a**", `\a`, "# c", "foo*baz", "foo**baz", "a?b", "[[]x]", `\\a`, "a/**/", "/**/a",
		"**/", "[a-c]", "[b-]", "x/*/y", "tab\t", "äh", "*ü*", "[[:upper:]]", "!a\na", "a\n!a", "//a", "a//b", "!", "!!a", "*/b", "/*/b", "**/**/b", "a/*",
		"[[:punct:]]a", `[\a]`, "./a", "a/./b"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if output, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			if err := os.WriteFile(filepath.Join(dir, gitIgnore), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			command := exec.Command("git", "-C", dir, "check-ignore", "--no-index", "-z", "--stdin")
			command.Stdin = strings.NewReader(strings.Join(names, "\x00") + "\x00")
			output, _ := command.Output() // 1 means that none is
			kept := map[string]bool{}
			for name := range strings.SplitSeq(string(output), "\x00") {
				kept[name] = true
			}
			r := &rules{patterns: parsePatterns(text, false)}
			for _, name := range names {
				if got := ignored(r, name); got != kept[name] {
					t.Errorf("%q keeps %q out: %v, with git: %v", text, name, got, kept[name])
				}
			}
		})
	}
}

// No pattern can make trouble, and what it is asked twice it answers twice the same.
func FuzzPatterns(f *testing.F) {
	f.Add("a\n!b/**\n[", "a/b")
	f.Add(`\`+"\n[[:x:]]\n{,}", "{")
	f.Add("**/**/**/**/a*a*a*a*b", "aaaaaaaaaaaaaaaa/a/a/a")
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 1000 || len(name) > 1000 || name == "" {
			return
		}
		r := &rules{patterns: parsePatterns(text, true)}
		if r.ignores(name, false, false) != r.ignores(name, false, true) {
			t.Errorf("patterns of Patchbay's own say two things of %q", name)
		}
	})
}
