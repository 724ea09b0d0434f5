package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// randomBytes has everything that logs get wrong: NUL, CR, invalid UTF-8, frames
// that end just before, at and after a newline.
func randomBytes(n int) []byte {
	source := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(source.Uint32())
	}
	return data
}

func TestOutputIsByteExact(t *testing.T) {
	t.Parallel()
	const frame = 16 << 10 // of the Engine's log
	cases := map[string][]byte{
		"nothing":                      nil,
		"no newline at the end":        []byte("no newline"),
		"one newline":                  []byte("\n"),
		"empty lines":                  []byte("\n\n\na\n\n"),
		"carriage returns":             []byte("1\r2\r\n3\r"),
		"5 MB of anything":             randomBytes(5 << 20),
		"one line of 3 MB":             []byte(strings.Repeat("x", 3<<20)),
		"a line as long as a frame":    []byte(strings.Repeat("f", frame) + "\n"),
		"a line one short of a frame":  []byte(strings.Repeat("f", frame-1) + "\nnext\n"),
		"two frames without a newline": []byte(strings.Repeat("f", 2*frame)),
		"lines longer than a frame":    []byte(strings.Repeat(strings.Repeat("f", frame+9)+"\n", 3) + "end\n"),
		"a long line without an end":   []byte(strings.Repeat("f", 3*frame+7)),
		"lines of whole frames":        []byte(strings.Repeat(strings.Repeat("f", 2*frame)+"\n", 3)),
		"many short lines":             []byte(strings.Repeat("a line\n", 100_000)),
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if err := os.WriteFile(filepath.Join(b.workspace, "data"), want, 0o644); err != nil {
				t.Fatal(err)
			}
			// The container ends with its last byte.
			_, said, err := b.run(b.request(map[string]any{"command": []string{"cat", "data"}}))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(said.stdout.Bytes(), want) {
				t.Errorf("%d bytes came, not the %d that were written", said.stdout.Len(), len(want))
			}
		})
	}
}

func TestOutputsAreKeptApart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, said, err := b.run(b.request(map[string]any{"script": "echo out; echo err >&2; printf more; printf worse >&2"}))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%q %q", said.stdout.String(), said.stderr.String())
	if want := `"out\nmore" "err\nworse"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestOutputComesWhileTheStepRuns would hang if output came only at the end.
func TestOutputComesWhileTheStepRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, said, ended := b.start(b.client, b.request(map[string]any{
		"script": "echo ready; while [ ! -e go ]; do sleep 0.05; done; echo done"}))
	said.awaitOutput(t, "ready\n")
	if err := os.WriteFile(filepath.Join(b.workspace, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; end.err != nil || said.stdout.String() != "ready\ndone\n" {
		t.Errorf("got %q, %v", said.stdout.String(), end.err)
	}
}
