package mask

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// masked puts pieces together, and checks that they follow each other.
func masked(t *testing.T, at int64, chunks [][]byte, s *Set) (string, []int64) {
	t.Helper()
	stream := s.Stream(at)
	var out strings.Builder
	boundaries := []int64{at}
	take := func(pieces []Piece) {
		for _, p := range pieces {
			if p.Offset != at || p.Span < int64(len(p.Data)) && !bytes.Contains(p.Data, []byte("***")) || len(p.Data) > maxPiece {
				t.Fatalf("a piece at %d of span %d with %d bytes comes at %d", p.Offset, p.Span, len(p.Data), at)
			}
			at += p.Span
			out.Write(p.Data)
		}
		boundaries = append(boundaries, at)
	}
	total := at
	var buffer []byte // is used again for each chunk, as a reader's is
	for _, chunk := range chunks {
		total += int64(len(chunk))
		buffer = append(buffer[:0], chunk...)
		take(stream.Write(buffer))
		for i := range buffer {
			buffer[i] = '?'
		}
		if total != at+int64(stream.Pending()) {
			t.Fatalf("%d bytes are in, %d out, %d pending", total, at, stream.Pending())
		}
	}
	take(stream.Flush())
	if at != total {
		t.Fatalf("%d bytes of %d came out", at, total)
	}
	return out.String(), boundaries
}

func split(random *rand.Rand, data []byte) (chunks [][]byte) {
	for len(data) > 0 {
		n := min(1+random.IntN(1+random.IntN(40)), len(data))
		chunks, data = append(chunks, data[:n]), data[n:]
	}
	return chunks
}

// However a stream is cut: the same comes out, no secret is in it, and whoever goes on
// at the end of a piece gets the same rest.
func TestChunks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 2))
		var secrets []string
		for range 1 + random.IntN(3) {
			secret := make([]byte, 4+random.IntN(8))
			for i := range secret {
				secret[i] = "ab\n"[random.IntN(3)]
			}
			secrets = append(secrets, string(secret))
		}
		s := New(secrets)
		text := make([]byte, random.IntN(400))
		for i := range text {
			text[i] = "ab\n"[random.IntN(3)]
		}
		if s == nil {
			continue
		}
		want, _ := masked(t, 0, [][]byte{text}, s)
		got, boundaries := masked(t, 0, split(random, text), s)
		if got != want {
			t.Fatalf("seed %d: secrets %q in %q: %q in chunks, %q at once", seed, secrets, text, got, want)
		}
		for _, secret := range secrets {
			if Maskable(secret) && strings.Contains(got, secret) {
				t.Fatalf("seed %d: %q is in %q", seed, secret, got)
			}
		}
		for _, at := range boundaries {
			rest, _ := masked(t, at, split(random, text[at:]), s)
			if !strings.HasSuffix(want, rest) {
				t.Fatalf("seed %d: going on at %d gives %q of %q", seed, at, rest, want)
			}
		}
	}
}

// Pieces fit into a record of a log, and going on after each of them gives the rest.
func TestLongStreams(t *testing.T) {
	t.Parallel()
	s := New([]string{"hunter2", "ünïcode"})
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 4))
		var text []byte
		for len(text) < 300<<10 {
			text = append(text, strings.Repeat("hunter2", random.IntN(8))...)
			text = append(text, strings.Repeat("text ", random.IntN(1<<(3*seed)))...)
		}
		want, _ := masked(t, 0, [][]byte{text}, s)
		if replaced := strings.ReplaceAll(string(text), "hunter2", "***"); want != replaced {
			t.Errorf("seed %d: %d bytes, want %d", seed, len(want), len(replaced))
		}
		stream, at := s.Stream(0), 0
		for _, p := range append(stream.Write(text), stream.Flush()...) {
			at += int(p.Span)
			rest, _ := masked(t, int64(at), [][]byte{text[at:]}, s)
			if !strings.HasSuffix(want, rest) {
				t.Fatalf("seed %d: going on at %d gives %d other bytes", seed, at, len(rest))
			}
		}
	}
}

func TestHeldBack(t *testing.T) {
	t.Parallel()
	s := New([]string{strings.Repeat("a", 100)})
	stream := s.Stream(0)
	for range 100 {
		stream.Write(bytes.Repeat([]byte("a"), 64<<10))
		if stream.Pending() > maxHeld+64<<10 {
			t.Fatalf("%d bytes are held back", stream.Pending())
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add("hunter2", "it is hunter2 and hunter", uint64(1))
	f.Add("aaaa", "aaaaaaaaaa", uint64(2))
	f.Add("\xff\x00ab", "x\xff\x00ab\xff", uint64(3))
	f.Fuzz(func(t *testing.T, secret, text string, seed uint64) {
		s := New([]string{secret})
		if s == nil {
			return
		}
		want, _ := masked(t, 0, [][]byte{[]byte(text)}, s)
		got, _ := masked(t, 0, split(rand.New(rand.NewPCG(seed, 3)), []byte(text)), s)
		if got != want {
			t.Errorf("%q in chunks, %q at once", got, want)
		}
	})
}
