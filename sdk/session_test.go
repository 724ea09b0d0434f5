package sdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestOffsets: at every offset, only what the host does not have is sent.
func TestOffsets(t *testing.T) {
	t.Parallel()
	const stdout, stderr = "the quick brown fox", "jumps"
	l := connectFunc(t, func(_ context.Context, r RunRequest, s *Session) (Result, error) {
		for i := 0; i < len(stdout); i += 4 {
			fmt.Fprint(s.Stdout(), stdout[i:min(i+4, len(stdout))])
		}
		fmt.Fprint(s.Stderr(), stderr)
		if s.Stdout().Stored() != r.Offsets.Stdout {
			return Failed("stored %d", s.Stdout().Stored()), nil
		}
		return Succeeded(), nil
	})
	for have := range len(stdout) + 2 {
		var h heard
		offsets := Offsets{Stdout: int64(have), Stderr: int64(have % (len(stderr) + 1))}
		result, err := runStep(t, l, RunRequest{Offsets: offsets}, &h)
		if err != nil || result.Outcome != OutcomeSucceeded {
			t.Fatal(result, err)
		}
		if got, want := h.stdout.String(), stdout[min(have, len(stdout)):]; got != want || want != "" && h.from[false] != offsets.Stdout {
			t.Errorf("stdout from %d: got %q from %d, want %q", have, got, h.from[false], want)
		}
		if got, want := h.stderr.String(), stderr[offsets.Stderr:]; got != want {
			t.Errorf("stderr from %d: got %q, want %q", offsets.Stderr, got, want)
		}
	}
}

func TestSkipStored(t *testing.T) {
	t.Parallel()
	source := []byte("0123456789")
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		_, err := s.Stdout().Write(source[s.Stdout().SkipStored():])
		return Succeeded(), err
	})
	var h heard
	if _, err := runStep(t, l, RunRequest{Offsets: Offsets{Stdout: 7}}, &h); err != nil || h.stdout.String() != "789" || h.from[false] != 7 {
		t.Errorf("got %q from %d, %v", &h.stdout, h.from[false], err)
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte{0, 0xff, '\n', 7}, (2*MaxOutputChunk+100)/4)
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		n, err := s.Stdout().Write(data)
		if n != len(data) {
			return Failed("wrote %d", n), err
		}
		return Succeeded(), err
	})
	var h heard
	result, err := runStep(t, l, RunRequest{}, &h)
	if err != nil || result.Outcome != OutcomeSucceeded || !bytes.Equal(h.stdout.Bytes(), data) {
		t.Fatalf("got %+v, %v, %d bytes", result, err, h.stdout.Len())
	}
	var next int64
	for _, c := range h.chunks {
		if c.Offset != next || len(c.Data) > MaxOutputChunk {
			t.Errorf("a chunk of %d bytes at %d; %d was next", len(c.Data), c.Offset, next)
		}
		next += int64(len(c.Data))
	}
	if len(h.chunks) != 3 {
		t.Errorf("%d chunks", len(h.chunks))
	}
}

// TestConcurrentWriters: writes are not mixed, and offsets stay contiguous.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	const writers, lines = 8, 50
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range lines {
					fmt.Fprintf(s.Stdout(), "writer %d line %d\n", w, i)
					fmt.Fprintf(s.Stderr(), "%d", w)
					_ = s.Progress("busy", -1) // a hint
				}
			})
		}
		all.Wait()
		return Succeeded(), nil
	})
	var h heard
	if _, err := runStep(t, l, RunRequest{}, &h); err != nil {
		t.Fatal(err)
	}
	next := map[bool]int64{}
	for _, c := range h.chunks {
		if c.Offset != next[c.Stderr] {
			t.Fatalf("offset %d; %d was next", c.Offset, next[c.Stderr])
		}
		next[c.Stderr] += int64(len(c.Data))
	}
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(h.stdout.String()), "\n") {
		seen[line] = true
	}
	if len(seen) != writers*lines || h.stderr.Len() != writers*lines {
		t.Errorf("%d lines, %d bytes", len(seen), h.stderr.Len())
	}
}

// TestSlowReader: a writer waits for the host; nothing piles up in between.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const total = 64 << 20
	var mu sync.Mutex
	written, most := 0, 0
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		chunk := make([]byte, MaxOutputChunk)
		for range total / len(chunk) {
			if _, err := s.Stdout().Write(chunk); err != nil {
				return Result{}, err
			}
			mu.Lock()
			written += len(chunk)
			mu.Unlock()
		}
		return Succeeded(), nil
	})
	events := &counting{}
	events.onChunk = func() {
		mu.Lock()
		defer mu.Unlock()
		most = max(most, written-events.read)
	}
	running, err := l.client.RunStep(t.Context(), RunRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := running.Wait(events); err != nil || events.read != total {
		t.Fatalf("read %d, %v", events.read, err)
	}
	// Both windows of the connection, the pipe and the buffers of both ends.
	if limit := 8 << 20; most > limit {
		t.Errorf("%d bytes were under way at once; %d is the most", most, limit)
	}
}

// counting counts output and forgets it.
type counting struct {
	heard
	read    int
	onChunk func()
}

func (c *counting) Output(chunk OutputChunk) error {
	if c.onChunk != nil {
		c.onChunk()
	}
	c.read += len(chunk.Data)
	return nil
}

// TestRefusedValues: what cannot be sent is refused, and the step goes on.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		for name, err := range map[string]error{"not text": s.SetOutput("a", "\xff"), "too long": s.SetOutput("a", strings.Repeat("x", MaxValue+1)),
			"state": s.SaveState(make([]byte, MaxValue+1))} {
			if ClassOf(err) != ClassInternal || errors.Is(err, ErrDetached) {
				return Failed("%s: %v", name, err), nil
			}
		}
		return Result{Outcome: OutcomeSucceeded, Message: "\xff", Metadata: map[string]string{"k": "\xfe"}}, s.Progress("\xff", 1)
	})
	result, err := runStep(t, l, RunRequest{}, &heard{})
	if err != nil || result.Outcome != OutcomeSucceeded || result.Message != "\uFFFD" || result.Metadata["k"] != "\uFFFD" {
		t.Errorf("got %+v, %v", result, err)
	}
}
