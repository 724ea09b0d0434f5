package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// watchAfter is how long a step runs before its files are watched. Most of the very
// short steps have ended by then, and for them watching costs more than reading
// what they left. Output is not held up by more than this.
const watchAfter = 2 * time.Millisecond

// readSize is how much of one stream is passed on before the other has its turn.
const readSize = 64 << 10

// followOutput passes on what the attempt's files hold and will hold, until done
// is closed and both have been read to their ends, or ctx is detached. While the
// step is being cancelled it goes on: the last words matter.
func followOutput(ctx context.Context, a *attempt, done <-chan struct{}, s *sdk.Session) error {
	var wake <-chan struct{}
	ended := endsWithin(ctx, done, watchAfter)
	if !ended {
		watched, stop, err := watchDirectory(a.dir)
		if err != nil {
			return err
		}
		defer stop()
		wake = watched
	}
	streams := []*stream{{path: a.stdoutFile(), out: s.Stdout()}, {path: a.stderrFile(), out: s.Stderr()}}
	defer func() {
		for _, stream := range streams {
			stream.close()
		}
	}()
	buffer := make([]byte, readSize)
	letGo := ctx.Done()
	for {
		read := 0
		for _, stream := range streams {
			n, err := stream.pass(buffer)
			if err != nil {
				return err
			}
			read += n
		}
		switch {
		case read > 0:
			continue
		case ended:
			return nil
		}
		select {
		case <-wake:
		case <-done:
			ended = true
		case <-letGo:
			if _, cancelled := sdk.CancelGrace(ctx); !cancelled {
				return context.Cause(ctx)
			}
			letGo = nil
		}
	}
}

// endsWithin waits until the step ends or is let go of, or the time is up, and
// reports whether it has ended.
func endsWithin(ctx context.Context, done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	case <-timer.C:
		return false
	}
}

// stream is one output file on its way to the host.
type stream struct {
	path string
	out  *sdk.Output
	file *os.File
}

// pass moves at most len(buffer) bytes and returns how many there were.
func (s *stream) pass(buffer []byte) (int, error) {
	if s.file == nil {
		file, err := openPlain(s.path, os.O_RDONLY)
		if err != nil {
			return 0, fmt.Errorf("open the output: %w", err)
		}
		s.file = file
		if offset := s.out.SkipStored(); offset > 0 {
			if _, err := file.Seek(offset, io.SeekStart); err != nil {
				return 0, fmt.Errorf("seek in the output: %w", err)
			}
		}
	}
	n, err := s.file.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read the output: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	if _, err := s.out.Write(buffer[:n]); err != nil {
		return 0, err
	}
	return n, nil
}

func (s *stream) close() {
	if s.file != nil {
		s.file.Close()
	}
}
