package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sink is a host that has some of the output already.
type sink struct {
	bytes.Buffer
	stored int64
}

func (s *sink) SkipStored() int64 { return s.stored }

// logLines makes a log of so many lines, ten to a second, and some with the same time.
func logLines(n int) (lines []string, text string) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var all strings.Builder
	for i := range n {
		if i%4 != 3 {
			at = at.Add(100 * time.Millisecond)
		}
		words := fmt.Sprintf("line %d\n", i)
		if i%5 == 0 {
			words = "\n"
		}
		lines = append(lines, at.Format(time.RFC3339Nano)+" "+words)
		all.WriteString(words)
	}
	return lines, all.String()
}

// since is what a cluster sends of a log from a time on.
func since(lines []string, from time.Time) string {
	var sent strings.Builder
	for _, line := range lines {
		stamp, _, _ := strings.Cut(line, " ")
		if at, _ := time.Parse(time.RFC3339Nano, stamp); !at.Before(from.Truncate(time.Second)) {
			sent.WriteString(line)
		}
	}
	return sent.String()
}

// TestLogBreaksAnywhere breaks a log off after every byte, and again after it was
// resumed.
func TestLogBreaksAnywhere(t *testing.T) {
	t.Parallel()
	lines, want := logLines(60)
	whole := strings.Join(lines, "")
	for end := 0; end <= len(whole); end += 7 {
		to := &sink{}
		text := newLogText(to, nil)
		text.resume()
		write(t, text, whole[:end])
		rest := since(lines, text.resume())
		write(t, text, rest[:len(rest)/2])
		write(t, text, since(lines, text.resume()))
		write(t, text, since(lines, text.resume()))
		if diff := cmp.Diff(want, to.String()); diff != "" {
			t.Fatalf("broken off after %d bytes: %s", end, diff)
		}
	}
}

// TestLogJoined has another process go on, with the marks of the first, for a host
// that has stored more or less than was marked.
func TestLogJoined(t *testing.T) {
	t.Parallel()
	lines, want := logLines(60)
	for cut := 1; cut < len(lines); cut++ {
		var marks []mark
		first := &sink{}
		text := newLogText(first, nil)
		for _, line := range lines[:cut] {
			write(t, text, line)
			marks = append(marks, text.mark())
		}
		for _, stored := range []int{0, first.Len() / 2, max(0, first.Len()-3), first.Len()} {
			to := &sink{stored: int64(stored)}
			joined := newLogText(to, marks[max(0, len(marks)-5):])
			write(t, joined, since(lines, joined.resume()))
			if diff := cmp.Diff(want[stored:], to.String()); diff != "" {
				t.Fatalf("joined after %d lines, %d bytes stored: %s", cut, stored, diff)
			}
		}
	}
}

// TestLogRotated sees that what the node has thrown away is said to be missing.
func TestLogRotated(t *testing.T) {
	t.Parallel()
	lines, _ := logLines(100)
	to := &sink{}
	text := newLogText(to, nil)
	write(t, text, strings.Join(lines[:10], ""))
	had := to.Len()
	text.resume()
	write(t, text, strings.Join(lines[90:], ""))
	if got := to.String()[had:]; !strings.HasPrefix(got, lostLines) || !strings.HasSuffix(got, "line 99\n") {
		t.Errorf("after a gap it says %q", got)
	}
}

// TestLogRemoved has what a node sends when it has removed a log.
func TestLogRemoved(t *testing.T) {
	t.Parallel()
	to := &sink{}
	text := newLogText(to, nil)
	lines, want := logLines(5)
	write(t, text, strings.Join(lines, ""))
	for range 2 {
		text.resume()
		write(t, text, "unable to retrieve container logs for containerd://1234")
	}
	if diff := cmp.Diff(want+lostLines, to.String()); diff != "" {
		t.Error(diff)
	}
}

// FuzzLog cuts a log into pieces anywhere: the output is the same.
func FuzzLog(f *testing.F) {
	f.Add(3, 17, 40)
	f.Fuzz(func(t *testing.T, a, b, c int) {
		lines, want := logLines(30)
		rest := strings.Join(lines, "")
		to := &sink{}
		text := newLogText(to, nil)
		for _, n := range []int{a, b, c} {
			n = max(0, min(n, len(rest)))
			write(t, text, rest[:n])
			rest = rest[n:]
		}
		write(t, text, rest)
		if diff := cmp.Diff(want, to.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func write(t *testing.T, to *logText, text string) {
	t.Helper()
	if _, err := to.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}
