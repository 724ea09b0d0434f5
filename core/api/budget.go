package api

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

const (
	// deliveryMemory is what the bodies of all deliveries that are being received may
	// take. Senders are not known until their bodies are there.
	deliveryMemory = 128 << 20
	// freeBody is how much of each body does not count: small deliveries, which nearly
	// all are, are never kept out by large ones.
	freeBody = 64 << 10
)

// budget is memory that several share. It is safe for concurrent use.
type budget struct {
	mu   sync.Mutex
	free int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.free {
		return false
	}
	b.free -= n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
}

// read reads a body of at most so many bytes. Memory is taken as bytes arrive, at most
// twice what is there, so that nobody reserves it by promising. done gives it back.
func (b *budget) read(r io.Reader, most int64) (body []byte, done func(), err error) {
	taken := int64(0)
	done = func() { b.give(taken) }
	body = make([]byte, 0, 8<<10)
	for {
		if len(body) == cap(body) {
			grown := min(2*int64(cap(body)), most+1)
			if need := grown - freeBody - taken; need > 0 {
				if !b.take(need) {
					done()
					return nil, nil, &core.Error{Code: core.CodeUnavailable, Message: "too many large deliveries at once", Suggestions: []string{"send it again in a while"}}
				}
				taken += need
			}
			body = append(make([]byte, 0, grown), body...)
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > most:
			err = tooLargeError(most)
		case errors.Is(err, io.EOF):
			return body, done, nil
		}
		if err != nil {
			done()
			return nil, nil, brokenBody(err)
		}
	}
}

// brokenBody explains why a body could not be read.
func brokenBody(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return tooLargeError(tooLarge.Limit)
	case core.CodeOf(err) != core.CodeInternal:
		return err
	}
	return &core.Error{Code: core.CodeInvalid, Message: "the body of the request did not arrive whole", Err: err}
}
