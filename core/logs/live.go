package logs

import (
	"fmt"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// live is what the writer of a log and its readers share while there is a writer
// or a follower.
type live struct {
	users int // guarded by Store.mu

	mu      sync.Mutex
	writing bool
	// end is the cursor behind the last whole record, while writing. Readers never
	// look beyond it, and so never see half of a record.
	end int64
	// grown is closed and replaced when end moves; nil when nobody waits.
	grown chan struct{}
}

// watch returns what the writer and the readers of a log share; give it back with
// unwatch.
func (s *Store) watch(executionID string) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.live[executionID]
	if l == nil {
		l = &live{}
		s.live[executionID] = l
	}
	l.users++
	return l
}

func (s *Store) unwatch(executionID string, l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(s.live, executionID)
	}
}

// written returns where a log that is being written ends now.
func (s *Store) written(executionID string) (end int64, writing bool) {
	s.mu.Lock()
	l := s.live[executionID]
	s.mu.Unlock()
	if l == nil {
		return 0, false
	}
	return l.written()
}

func (l *live) written() (end int64, writing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end, l.writing && l.end >= 0
}

// begin makes the caller the writer; Conflict when there is one. Until its first
// call of moved, readers look at the files alone.
func (l *live) begin(executionID string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writing {
		return &core.Error{Code: core.CodeConflict, Message: fmt.Sprintf("the log of execution %q is open already", executionID)}
	}
	l.writing, l.end = true, -1
	return nil
}

func (l *live) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
}

// moved says where the log ends now, and wakes who waits.
func (l *live) moved(end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = end
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// next returns a channel that is closed when the log grows after this call.
func (l *live) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.grown
}
