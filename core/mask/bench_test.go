package mask

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// BenchmarkStream is what masking costs of 32 KiB of a build's output.
func BenchmarkStream(b *testing.B) {
	const line = "2026-01-02T03:04:05Z compiling github.com/example/module/internal/thing (1.2s) ok\n"
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf("%cey-%d-%x", 'a'+i%26, i, i*7919))
	}
	for _, test := range []struct {
		name   string
		values []string
		line   string
	}{
		{"two secrets", []string{"correct horse battery staple", pem}, line},
		{"fifty secrets", many, line},
		{"base64", many, strings.Repeat("bWFueSBvZiB0aGVtIGFyZSBoZXJlIHRv", 4) + "\n"},
		{"one in each line", []string{"hunter2"}, "the password is hunter2 " + line},
	} {
		b.Run(test.name, func(b *testing.B) {
			s := New(test.values)
			data := bytes.Repeat([]byte(test.line), 32<<10/len(test.line))
			b.SetBytes(int64(len(data)))
			stream := s.Stream(0)
			for b.Loop() {
				stream.Write(data)
			}
		})
	}
}

// BenchmarkNew is what a step with secrets waits for.
func BenchmarkNew(b *testing.B) {
	for _, size := range []int{20, 2 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			var value string
			for len(value) < size {
				value += fmt.Sprintf("%x+/%c\n", random.Uint64(), '!'+random.IntN(90))
			}
			b.ReportAllocs()
			for b.Loop() {
				New([]string{value})
			}
		})
	}
}
