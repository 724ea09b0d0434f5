package main

import (
	"context"
	"io"
	"math/rand/v2"

	"github.com/patchbay-ci/patchbay/sdk"
)

type floodConfig struct {
	Bytes      int64 `json:"bytes" jsonschema:"required,description=How much to print,minimum=0,maximum=100000000000"`
	LineLength int   `json:"line_length,omitempty" jsonschema:"description=Bytes of a line with its newline; 0 for no newlines,default=80,minimum=0,maximum=100000000"`
	Binary     bool  `json:"binary,omitempty" jsonschema:"description=Any bytes; the same at each join"`
	Stderr     bool  `json:"stderr,omitempty" jsonschema:"description=Print to standard error"`
}

// floodBlock is how much is written at a time.
const floodBlock = 64 << 10

// flood prints bytes that depend on their position only, as fast as they are
// taken.
func flood(ctx context.Context, r sdk.Request[floodConfig], s *sdk.Session) (sdk.Result, error) {
	c := r.Config
	var out io.Writer = s.Stdout()
	if c.Stderr {
		out = s.Stderr()
	}
	random := rand.NewChaCha8([32]byte([]byte("the same at each run, as promised")[:32]))
	block := make([]byte, floodBlock)
	for position := int64(0); position < c.Bytes; {
		if ctx.Err() != nil {
			if _, cancelled := sdk.CancelGrace(ctx); cancelled {
				return sdk.Cancelled(), nil
			}
			return sdk.Result{}, context.Cause(ctx)
		}
		part := block[:min(int64(len(block)), c.Bytes-position)]
		if c.Binary {
			_, _ = random.Read(part) // never fails
		} else {
			fillLines(part, position, c.LineLength)
		}
		n, err := out.Write(part)
		if err != nil {
			return sdk.Result{}, err
		}
		position += int64(n)
	}
	return sdk.Succeeded(), nil
}

// fillLines writes the letters of the alphabet, by position, and newlines.
func fillLines(part []byte, position int64, length int) {
	for i := range part {
		at := position + int64(i)
		part[i] = 'a' + byte(at%26)
		if length > 0 && at%int64(length) == int64(length)-1 {
			part[i] = '\n'
		}
	}
}
