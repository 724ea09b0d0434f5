package api

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// errSlow says that a client did not take what was written: it is disconnected, and
// resumes with its cursor.
var errSlow = errors.New("the client does not read")

// flushPause is how long after a write a flush may wait for more writes.
const flushPause = 2 * time.Millisecond

// follower writes to a client who may be slow or gone. It is safe for concurrent use.
type follower struct {
	w       http.ResponseWriter
	control *http.ResponseController

	mu   sync.Mutex
	wake chan struct{}
}

func newFollower(w http.ResponseWriter) *follower {
	f := &follower{w: w, control: http.NewResponseController(w), wake: make(chan struct{}, 1)}
	// The limit on a request's arrival must not end an answer that takes hours.
	_ = f.control.SetReadDeadline(time.Time{})
	return f
}

// release takes back the limits that were for this answer only: the connection may
// serve another request.
func (f *follower) release() { _ = f.control.SetWriteDeadline(time.Time{}) }

// write hands data to the connection, within its time.
func (f *follower) write(data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Not every ResponseWriter has deadlines; those of a server do.
	_ = f.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := f.w.Write(data); err != nil {
		return errors.Join(errSlow, err)
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return nil
}

func (f *follower) flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := f.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errors.Join(errSlow, err)
	}
	return nil
}

// flushInPauses flushes shortly after each burst of writes, and sends a comment when
// there is nothing to send for long. Call stop before the handler returns.
func (f *follower) flushInPauses() (stop func()) {
	_ = f.flush() // the headers: the client knows that it is connected
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-f.wake:
				// The first words of a burst go at once; what follows them shortly, together.
				_ = f.flush()
				select {
				case <-time.After(flushPause):
				case <-done:
					return
				}
			case <-time.After(heartbeat):
				if f.w.Header().Get("Content-Type") == "text/event-stream" {
					_ = f.write([]byte(": still here\n\n"))
				}
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}
