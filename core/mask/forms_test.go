package mask

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// What programs print, as they printed it.
func TestForms(t *testing.T) {
	t.Parallel()
	const secret = `p@ss/w"rd's+ü <1> a\b&c=$x`
	s := New([]string{secret})
	for program, text := range map[string]string{
		"echo | base64":         `cEBzcy93InJkJ3Mrw7wgPDE+IGFcYiZjPSR4Cg==`,
		"printf | base64":       `cEBzcy93InJkJ3Mrw7wgPDE+IGFcYiZjPSR4`,
		"basenc --base64url":    `cEBzcy93InJkJ3Mrw7wgPDE-IGFcYiZjPSR4`,
		"xxd -p":                `704073732f7722726427732bc3bc203c313e20615c6226633d2478`,
		"HEX":                   `704073732F7722726427732BC3BC203C313E20615C6226633D2478`,
		"Go QueryEscape":        `p%40ss%2Fw%22rd%27s%2B%C3%BC+%3C1%3E+a%5Cb%26c%3D%24x`,
		"Go PathEscape":         `p@ss%2Fw%22rd%27s+%C3%BC%20%3C1%3E%20a%5Cb&c=$x`,
		"Go UserPassword":       `p%40ss%2Fw%22rd%27s+%C3%BC%20%3C1%3E%20a%5Cb&c=$x`,
		"Python quote":          `p%40ss/w%22rd%27s%2B%C3%BC%20%3C1%3E%20a%5Cb%26c%3D%24x`,
		"encodeURIComponent":    `p%40ss%2Fw%22rd's%2B%C3%BC%20%3C1%3E%20a%5Cb%26c%3D%24x`,
		"encodeURI":             `p@ss/w%22rd's+%C3%BC%20%3C1%3E%20a%5Cb&c=$x`,
		"lower digits":          `p%40ss%2fw%22rd%27s%2b%c3%bc%20%3c1%3e%20a%5cb%26c%3d%24x`,
		"Go JSON":               `p@ss/w\"rd's+ü \u003c1\u003e a\\b\u0026c=$x`,
		"JavaScript JSON":       `p@ss/w\"rd's+ü <1> a\\b&c=$x`,
		"Python JSON":           `p@ss/w\"rd's+\u00fc <1> a\\b&c=$x`,
		"PHP JSON, but unicode": `p@ss\/w\"rd's+ü <1> a\\b&c=$x`,
		"HTML":                  `p@ss/w&#34;rd&#39;s+ü &lt;1&gt; a\b&amp;c=$x`,
		"XML":                   `p@ss/w&quot;rd&apos;s+ü &lt;1&gt; a\b&amp;c=$x`,
		"set -x":                `p@ss/w"rd'\''s+ü <1> a\b&c=$x`,
		"Python shlex":          `p@ss/w"rd'"'"'s+ü <1> a\b&c=$x`,
		"in double quotes":      `p@ss/w\"rd's+ü <1> a\\b&c=\$x`,
		"printf %q":             `p@ss/w\"rd\'s+ü\ \<1\>\ a\\b\&c=\$x`,
	} {
		if got := s.Text("<<" + text + ">>"); got != "<<***>>" {
			t.Errorf("%s: %q becomes %q", program, text, got)
		}
	}
}

// Generated values, in what Go's own libraries make of them.
func TestFormsOfManyValues(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	const letters = `abcXYZ019 _-./:@"'$\&+=%#!~*()<>{}[]|;,?^` + "`\t\nüñ€😀"
	alphabet := []rune(letters)
	for range 300 {
		value := make([]rune, 6+random.IntN(90))
		for i := range value {
			value[i] = alphabet[random.IntN(len(alphabet))]
		}
		secret := strings.TrimSpace(string(value))
		if !Maskable(secret) {
			continue
		}
		s := New([]string{secret})
		user := url.UserPassword("u", secret).String()
		for name, text := range map[string]string{
			"itself": secret, "base64": base64.StdEncoding.EncodeToString([]byte(secret)),
			"raw base64": base64.RawURLEncoding.EncodeToString([]byte(secret)), "hex": hex.EncodeToString([]byte(secret)),
			"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "user": user[strings.Index(user, ":")+1:],
			"html": html.EscapeString(secret),
		} {
			if got := s.Text(text); got != "***" {
				t.Fatalf("%s of %q: %q becomes %q", name, secret, text, got)
			}
		}
	}
}

// Where a value is in a longer text of base64, the characters that it shares with its
// neighbours are left, at most one at each end, and the neighbours.
func TestWithinBase64(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"hunt", "hunt3", "hunter2", "correct horse battery staple"} {
		s := New([]string{secret})
		for before := range 7 {
			for after := range 7 {
				text := strings.Repeat("B", before) + secret + strings.Repeat("A", after)
				for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
					encoded := encoding.EncodeToString([]byte(text))
					got := s.Text(encoded)
					left := len(strings.Replace(got, "***", "", 1))
					if most := (before+after)*8/6 + 4 + 2; !strings.Contains(got, "***") || left > most {
						t.Errorf("%q of %q becomes %q", encoded, text, got)
					}
				}
			}
		}
	}
}

// Long values come in many lines: their own, and those that tools break them into.
func TestLines(t *testing.T) {
	t.Parallel()
	body := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3S\nC2dVMvE=\n"
	key := "-----BEGIN KEY-----\n" + body + "-----END KEY-----\n"
	s := New([]string{key})
	if got := s.Text(strings.ReplaceAll(key, "\n", "\r\n")); strings.TrimSpace(got) != "***" {
		t.Errorf("with other line ends: %q", got)
	}
	indented := s.Text("  " + strings.ReplaceAll(strings.TrimSpace(key), "\n", "\n  "))
	if want := "  -----BEGIN KEY-----\n  ***\n  ***\n  ***\n  ***\n  -----END KEY-----"; indented != want {
		t.Errorf("indented: %q", indented)
	}
	if other := "-----BEGIN KEY-----"; s.Text(other) != other {
		t.Error("what every key has is masked everywhere")
	}
	for name, encoded := range map[string]string{
		"base64": base64.StdEncoding.EncodeToString([]byte(key)), "hex": hex.EncodeToString([]byte(strings.TrimSpace(key))),
		"base64 without the last line end": base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(key))),
	} {
		for _, width := range []int{60, 64, 76} {
			if (width == 60) != (name == "hex") {
				continue
			}
			var broken []string
			for rest := encoded; rest != ""; rest = rest[min(width, len(rest)):] {
				broken = append(broken, rest[:min(width, len(rest))])
			}
			for _, end := range []string{"\n", "\r\n"} {
				got := s.Text(strings.Join(broken, end) + end)
				if strings.Trim(got, "*\r\n") != "" {
					t.Errorf("%s in lines of %d: %q", name, width, got)
				}
			}
		}
	}
}

// A log stays readable: what anybody could have written is no secret.
func TestNoise(t *testing.T) {
	t.Parallel()
	s := New([]string{"true", "FALSE", "no", "x", "", "   ", "8080", "65535", "main", "localhost", "-----", "====", "***", "****",
		"production\nlocalhost\n--------\n{\n}\ndevelopment"})
	text := "true false FALSE no x 8080 65535 main localhost ----- ==== **** production\n-------- development { }"
	if got := s.Text(text); got != text {
		t.Errorf("%q becomes %q", text, got)
	}
	for value, want := range map[string]bool{"abc": false, "abcd": true, "12345": false, "123456": true, "Token": false,
		"token1": true, "aaaa": true, "\xff\xfe\xfd\xfc": true, " true\n": false} {
		if Maskable(value) != want {
			t.Errorf("Maskable(%q) is %v", value, !want)
		}
	}
}

// What does not fit is said, and the values themselves come first.
func TestBound(t *testing.T) {
	t.Parallel()
	value := func(n int) string {
		random := rand.New(rand.NewPCG(5, uint64(n)))
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('!' + random.IntN(94))
		}
		return string(b)
	}
	for name, test := range map[string]struct {
		values, size int
		fits         bool
	}{
		"a long one": {1, 16 << 10, true}, "the longest": {1, 64 << 10, false}, "many": {100, 200, true}, "far too many": {400, 3000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := make([]string, test.values)
			for i := range values {
				values[i] = fmt.Sprint("key ", i, value(test.size))
			}
			s := New(append(values, "hunter2"))
			if len(s.automaton.states) > maxStates || (s.LeftOut() == 0) != test.fits {
				t.Errorf("%d states, %d forms left out", len(s.automaton.states), s.LeftOut())
			}
			if got := s.Text("hunter2 and " + values[0]); got != "*** and ***" {
				t.Errorf("%.100q", got)
			}
		})
	}
}
