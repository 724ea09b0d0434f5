package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want localSecrets
		err  string
	}{
		"empty":          {"", localSecrets{}, ""},
		"comments":       {"# a\n\n  # b\nA=1\n", localSecrets{"A": "1"}, ""},
		"no newline":     {"A=1", localSecrets{"A": "1"}, ""},
		"spaces":         {"  A = b c  # why\n", localSecrets{"A": "b c"}, ""},
		"hash in value":  {"A=b#c\n", localSecrets{"A": "b#c"}, ""},
		"equals sign":    {"A=b=c==\n", localSecrets{"A": "b=c=="}, ""},
		"dollar":         {"A=$B${C}\n", localSecrets{"A": "$B${C}"}, ""},
		"export":         {"export A=1\n", localSecrets{"A": "1"}, ""},
		"single quotes":  {`A='b # "c\n'` + "\nB=2\n", localSecrets{"A": `b # "c\n`, "B": "2"}, ""},
		"double quotes":  {`A="b\n\t\"\\\$\x" # why` + "\n", localSecrets{"A": "b\n\t\"\\$\\x"}, ""},
		"several lines":  {"A=\"b\nc=d\n\"\nB=2\n", localSecrets{"A": "b\nc=d\n", "B": "2"}, ""},
		"Windows":        {"\ufeffA=1\r\nB='2'\r\n", localSecrets{"A": "1", "B": "2"}, ""},
		"no equals sign": {"A=1\nhunter2\n", nil, "f:2: the line is not of the form"},
		"odd name":       {"1A=hunter2\n", nil, "f:1: what is before the ="},
		"no value":       {"A=\n", nil, "f:1: it has no value"},
		"no end":         {"A=1\n\nB='hunter2\n\n", nil, "f:3: the value's quote is never closed"},
		"after the end":  {"A='1' hunter2\n", nil, "f:1: something follows"},
		"line after":     {"A='1\n2'\nB\n", nil, "f:3: the line is not"},
		"twice":          {"A=1\nA=2\n", nil, "f:2: A is there twice"},
		"of every step":  {"PATH=hunter2\n", nil, "every step has"},
		"binary":         {"A=\x00hunter2\n", nil, "f:1: it is not text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseSecrets("f", test.text)
			if (err == nil) != (test.err == "") || (err != nil && !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a value: %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Whatever a file has, reading it ends, and what was read can be given to a step.
func FuzzSecretsFile(f *testing.F) {
	for _, seed := range []string{"", "A=1\n", "export A='b\nc'\n", "A=\"\\n\\", "=\n", "A='", "\ufeff#\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseSecrets("f", text)
		if err != nil && values != nil {
			t.Error("values besides an error")
		}
		for name, value := range values {
			if err := checkSecret(name, value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
