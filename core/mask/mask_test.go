package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

const pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END KEY-----\n"

func TestText(t *testing.T) {
	t.Parallel()
	secret := `p@ss/w"rd's+1`
	encoded := func(before, after string) string {
		return base64.StdEncoding.EncodeToString([]byte(before + secret + after))
	}
	s := New([]string{secret, pem, "true", "42", "abc", "hunter2"})
	for text, want := range map[string]string{
		"": "", "nothing here": "nothing here",
		"a " + secret + " b":                   "a *** b",
		secret + secret:                        "******",
		hex.EncodeToString([]byte(secret)):     "***",
		url.QueryEscape(secret):                "***",
		url.PathEscape(secret):                 "***",
		`"p@ss/w\"rd's+1"`:                     `"***"`,
		`'p@ss/w"rd'\''s+1'`:                   `'***'`,
		encoded("", ""):                        "***",
		"true is 42 abc":                       "true is 42 abc",
		"hunter22":                             "***2",
		"it is hunter":                         "it is hunter",
		pem:                                    "***",
		"  MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\r": "  ***\r",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAAS":      "MIIEvQIBADANBgkqhkiG9w0BAQEFAAS",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
	for _, around := range [][2]string{{"x", "y"}, {"xy", "z"}, {"user:", ""}, {"a", "bc"}, {"ab", "c"}, {"", "tail"}} {
		if got := s.Text(encoded(around[0], around[1])); !strings.Contains(got, "***") || len(got) > 3+16 {
			t.Errorf("within %q in base64: %q of %q", around, got, encoded(around[0], around[1]))
		}
	}
	if New([]string{"true", "a", ""}) != nil || !New(nil).Empty() || New(nil).Text("x") != "x" {
		t.Error("nothing to mask is not nothing")
	}
}

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
	for _, chunk := range chunks {
		total += int64(len(chunk))
		take(stream.Write(chunk))
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
	huge := make([]string, 0, 100)
	for i := range 100 {
		huge = append(huge, fmt.Sprintf("secret %d %s", i, strings.Repeat("x", 4000)))
	}
	if s := New(huge); s.Text(huge[0]) != "***" || len(s.automaton.depth) > maxStates {
		t.Errorf("%d states", len(s.automaton.depth))
	}
}

func FuzzStream(f *testing.F) {
	f.Add("hunter2", "it is hunter2 and hunter", uint64(1))
	f.Add("aaaa", "aaaaaaaaaa", uint64(2))
	f.Add("\xff\x00ab", "x\xff\x00ab\xff", uint64(3))
	f.Fuzz(func(t *testing.T, secret, text string, seed uint64) {
		s := New([]string{secret})
		if s == nil {
			t.Skip()
		}
		want, _ := masked(t, 0, [][]byte{[]byte(text)}, s)
		got, _ := masked(t, 0, split(rand.New(rand.NewPCG(seed, 3)), []byte(text)), s)
		if got != want {
			t.Errorf("%q in chunks, %q at once", got, want)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	s := New([]string{"correct horse battery staple", pem})
	line := []byte("2026-01-02T03:04:05Z compiling github.com/example/module/internal/thing (1.2s) ok\n")
	data := bytes.Repeat(line, 32<<10/len(line))
	b.SetBytes(int64(len(data)))
	stream := s.Stream(0)
	for b.Loop() {
		stream.Write(data)
	}
}
