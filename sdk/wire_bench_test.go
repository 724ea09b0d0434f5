package sdk

import (
	"context"
	"testing"
)

// BenchmarkRunStep is one attempt that does nothing, there and back.
func BenchmarkRunStep(b *testing.B) {
	l := connectFunc(b, func(context.Context, RunRequest, *Session) (Result, error) { return Succeeded(), nil })
	request := RunRequest{Step: Step{AttemptID: "a", Config: []byte(`{"command":"true"}`)}}
	for b.Loop() {
		if _, err := runStep(b, l, request, &heard{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutput is the throughput of step output, in writes of 64 KiB.
func BenchmarkOutput(b *testing.B) {
	chunk := make([]byte, 64<<10)
	l := connectFunc(b, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		for b.Loop() {
			if _, err := s.Stdout().Write(chunk); err != nil {
				return Result{}, err
			}
		}
		return Succeeded(), nil
	})
	b.SetBytes(int64(len(chunk)))
	if _, err := runStep(b, l, RunRequest{}, &counting{}); err != nil {
		b.Fatal(err)
	}
}
