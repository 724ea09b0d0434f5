package artifacts

import (
	"context"
	"encoding/hex"
	"time"
)

// expiredAtOnce is how many expired artifacts are in memory at a time.
const expiredAtOnce = 100

// unusedFor is how long content that nobody names is kept, beyond what storing needs:
// for clocks that are set back.
const unusedFor = time.Hour

// Maintain removes expired artifacts, the least recently used caches beyond the bound
// and content that nobody names, at once and then at every interval, until ctx ends.
// What fails is logged and tried again in the next round.
func (s *Service) Maintain(ctx context.Context) {
	ticker := time.NewTicker(s.limits.Interval)
	defer ticker.Stop()
	for {
		s.Tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Tidy is one round of Maintain.
func (s *Service) Tidy(ctx context.Context) {
	for _, task := range []struct {
		failure string
		do      func(context.Context) error
	}{
		{"expired artifacts were not removed", s.expire},
		{"unused caches were not removed", s.evict},
		{"unused content was not removed", s.sweep},
	} {
		if err := task.do(ctx); err != nil && ctx.Err() == nil {
			s.log.Error(task.failure, "error", err)
		}
	}
}

func (s *Service) expire(ctx context.Context) error {
	for {
		list, err := s.store.ExpiredArtifacts(ctx, time.Now(), expiredAtOnce)
		if err != nil {
			return err
		}
		for _, a := range list {
			if err := s.remove(ctx, a.ID); err != nil {
				return err
			}
			s.log.Debug("an artifact has expired", "name", a.Name, "execution", a.ExecutionID)
		}
		if len(list) < expiredAtOnce {
			return nil
		}
	}
}

// sweep removes content that is older than everything that is being stored, and that
// no document names. Content that is stored again is young again (see core/blob); who
// names old content without storing it waits until the sweep has ended.
func (s *Service) sweep(ctx context.Context) error {
	s.inheriting.Lock()
	defer s.inheriting.Unlock()
	before := s.oldestStoring().Add(-unusedFor) // before the look at what is named
	named := map[[32]byte]struct{}{}
	var digest [32]byte
	err := s.store.BlobsInUse(ctx, func(sha256 string) {
		if n, err := hex.Decode(digest[:], []byte(sha256)[:min(len(sha256), 64)]); err == nil && n == len(digest) {
			named[digest] = struct{}{}
		}
	})
	if err != nil {
		return err // not knowing what is named, nothing is removed
	}
	freed, err := s.blobs.Sweep(ctx, before, func(sha256 string) bool {
		n, err := hex.Decode(digest[:], []byte(sha256)[:min(len(sha256), 64)])
		_, found := named[digest]
		return found || err != nil || n != len(digest)
	})
	if freed > 0 {
		s.log.Info("unused content was removed", "bytes", freed)
	}
	return err
}

// oldestStoring is when the first of those began that are storing content.
func (s *Service) oldestStoring() time.Time {
	oldest := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for began := range s.storing {
		if began.Before(oldest) {
			oldest = *began
		}
	}
	return oldest
}
