package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A secret comes as a variable, byte for byte, and another attempt's does not.
func TestSecretsReachTheStep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, value := range []string{"hush", "with 'quotes' \"and\" $signs\\n`x`", "several\nlines\n\nand one more\n", "ünï ✓",
		strings.Repeat("long ", 13_000)} {
		r := b.request(fmt.Sprint("a", i), map[string]any{"command": `printf '%s' "$TOKEN" >token; echo "$GREETING"`})
		r.Step.Secrets = map[string]string{"TOKEN": value, "GREETING": "over the step's"}
		_, said, err := b.run(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(b.workspace, "token"))
		if err != nil || string(got) != value {
			t.Errorf("%.40q became %.40q, %v", value, got, err)
		}
		if got := said.stdout.String(); got != "over the step's\n" {
			t.Errorf("of a secret and a variable of one name: %q", got)
		}
	}
	_, said, err := b.run(b.request("without", map[string]any{"command": `echo "[$TOKEN]"`}))
	if err != nil || said.stdout.String() != "[]\n" {
		t.Errorf("a step without secrets has %q, %v", said.stdout.String(), err)
	}
}

// A command line can be read by every user of the machine, and what is in a file stays
// there when the machine goes down.
func TestSecretsAreNowhereElse(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request("a", map[string]any{"shell": shell,
				"script": "trap : USR1\ntest -n \"$TOKEN\"\ntr '\\0' ' ' </proc/$$/cmdline\ntr '\\0' ' ' </proc/$PPID/cmdline\n# " + strings.Repeat("long ", 30_000)})
			r.Step.Secrets = map[string]string{"TOKEN": "hush-hush"}
			result, said, err := b.run(r)
			if err != nil || result.ExitCode == nil || *result.ExitCode != 0 {
				t.Fatalf("%+v, %v", result, err)
			}
			if said.stdout.Len() == 0 || strings.Contains(said.stdout.String(), "hush-hush") {
				t.Errorf("command lines: %q", said.stdout.String())
			}
			files := 0
			err = filepath.WalkDir(filepath.Dir(b.attempts), func(path string, entry fs.DirEntry, err error) error {
				if err != nil || !entry.Type().IsRegular() {
					return err
				}
				files++
				content, err := os.ReadFile(path)
				if strings.Contains(string(content), "hush-hush") {
					t.Errorf("%s has the secret", entry.Name())
				}
				return err
			})
			if err != nil || files == 0 {
				t.Errorf("%d files were looked at, %v", files, err)
			}
		})
	}
}
