package api

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// textAtOnce bounds the pipeline files that are read and stored at one time, in
// bytes: each takes some thirty times its length while it is. One of the largest has
// room always.
const textAtOnce = maxSource + 2<<20

// room is what requests with pipeline files share.
type room struct{ texts *semaphore.Weighted }

func newRoom() room { return room{semaphore.NewWeighted(textAtOnce)} }

// take waits until there is room for a file and returns how to give it back. It fails
// when the client goes away first. Those who wait come in the order in which they
// asked.
func (r room) take(ctx context.Context, source []byte) (giveBack func(), err error) {
	size := int64(len(source))
	if err := r.texts.Acquire(ctx, size); err != nil {
		return nil, err
	}
	return func() { r.texts.Release(size) }, nil
}
