package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/patchbay-ci/patchbay/sdk"
)

// How long to wait before a log that broke off is read again.
const (
	shortPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
	lastTries  = 5
)

const (
	// engineFrame is how many bytes of a line the Engine logs in one frame.
	engineFrame = 16 << 10
	// frameTime is the length of the time that a frame begins with if asked for.
	frameTime = len("2006-01-02T15:04:05.000000000Z ")
)

// output passes a container's log on to the host, each byte once, however often
// the log has to be read.
type output struct {
	engine         *engine
	id             string
	stdout, stderr *stream
}

func newOutput(e *engine, id string, s *sdk.Session) *output {
	return &output{engine: e, id: id, stdout: &stream{to: s.Stdout()}, stderr: &stream{to: s.Stderr()}}
}

// follow passes on output as it comes until ctx is done. Whatever goes wrong on
// the Engine's side is tried again: the log is there. It returns only errors of
// the host. What it has passed on need not be everything (see finish).
func (o *output) follow(ctx context.Context) error {
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		before := o.stdout.passed + o.stderr.passed
		_ = o.read(ctx, true)
		if hostErr := o.hostError(); hostErr != nil {
			return hostErr
		}
		if o.stdout.passed+o.stderr.passed > before {
			pause = shortPause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// finish passes on what follow did not, and the container has ended, so the log is
// whole. It reads all of it once more: some Engines (20.10 does) end a followed log
// without its last words, or without any.
func (o *output) finish(ctx context.Context) error {
	var err error
	for try := range lastTries {
		if err = o.read(ctx, false); err == nil {
			return nil
		}
		if hostErr := o.hostError(); hostErr != nil {
			return hostErr
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(try+1) * shortPause):
		}
	}
	return o.engine.explain("read the container's output", err)
}

func (o *output) hostError() error { return errors.Join(o.stdout.err, o.stderr.err) }

// read reads the log once from its beginning.
func (o *output) read(ctx context.Context, follow bool) error {
	mend := o.engine.losesNewlines()
	log, err := o.engine.api.ContainerLogs(ctx, o.id, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Follow: follow, Tail: "all", Timestamps: mend})
	if err != nil {
		return err
	}
	defer log.Close()
	o.stdout.rewind(o.stderr, mend)
	o.stderr.rewind(o.stdout, mend)
	_, err = stdcopy.StdCopy(o.stdout, o.stderr, &batches{log: log, streams: []*stream{o.stdout, o.stderr}})
	return errors.Join(err, o.stdout.flush(), o.stderr.flush())
}

// stream is one of the two outputs. It drops what an earlier reading has passed on
// and gathers what is one frame of the log each: a line, often.
type stream struct {
	to      io.Writer
	other   *stream
	passed  int64 // to the host
	skip    int64 // still to be dropped in this reading
	pending []byte
	err     error // the host's

	mend bool // the Engine loses newlines
	torn bool // the last frame lacks its newline, unless it is the very last
}

func (s *stream) rewind(other *stream, mend bool) {
	s.other, s.skip, s.pending, s.mend, s.torn = other, s.passed, s.pending[:0], mend, false
}

// Write takes one frame. The other stream's go first, to keep the order in which
// things were said.
func (s *stream) Write(frame []byte) (int, error) {
	if err := s.other.flush(); err != nil {
		return 0, err
	}
	if !s.mend {
		s.take(frame)
		return len(frame), nil
	}
	if len(frame) < frameTime {
		return 0, fmt.Errorf("a frame of %d bytes has no time", len(frame))
	}
	s.takeMended(frame[frameTime:])
	return len(frame), nil
}

// takeMended works around an error of Engine 20.10: of a line longer than a frame,
// its log reader drops the newline. Nothing but a full frame and the end of the
// output has none of its own, so the place of the others is known, but for that of
// a last line that is longer than a frame: there, no newline is made up. The times
// were asked for because without them a frame of nothing but a dropped newline is
// not sent.
func (s *stream) takeMended(frame []byte) {
	if s.torn {
		s.take([]byte{'\n'})
	}
	s.take(frame)
	s.torn = false
	switch n := len(frame); {
	case n == 0: // all that is left of a line as long as full frames
		s.take([]byte{'\n'})
	case n != engineFrame && frame[n-1] != '\n':
		s.torn = true
	}
}

func (s *stream) take(p []byte) {
	dropped := min(s.skip, int64(len(p)))
	s.skip -= dropped
	s.pending = append(s.pending, p[dropped:]...)
}

func (s *stream) flush() error {
	if s.err != nil || len(s.pending) == 0 {
		return s.err
	}
	n, err := s.to.Write(s.pending)
	s.passed += int64(n)
	s.pending = s.pending[:0]
	s.err = err
	return err
}

// batches flushes the streams before each reading that may have to wait, so that
// what has come is passed on at once, and in one piece. A piece is no larger than
// what one reading brings (32 KiB) and the frame before it.
type batches struct {
	log     io.Reader
	streams []*stream
}

func (b *batches) Read(p []byte) (int, error) {
	for _, s := range b.streams {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	return b.log.Read(p)
}
