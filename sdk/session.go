package sdk

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// MaxOutputChunk is the most bytes one Output message carries.
const MaxOutputChunk = 256 << 10

// MaxValue is the most bytes of one state or of one output's value.
const MaxValue = 1 << 20

// Session is a RunStep's way to talk to the host. It is safe for concurrent use.
// After a detachment its methods return ErrDetached.
type Session struct {
	stdout, stderr *Output
	// spans are what the host still takes; see StartSpan.
	spans atomic.Int64

	mu   sync.Mutex // one sender at a time, as gRPC wants it
	send func(*connectorv1.RunStepResponse) error
	err  error
}

func newSession(have Offsets, send func(*connectorv1.RunStepResponse) error) *Session {
	s := &Session{send: send}
	s.stdout = &Output{session: s, stream: connectorv1.Stream_STREAM_STDOUT, stored: have.Stdout}
	s.stderr = &Output{session: s, stream: connectorv1.Stream_STREAM_STDERR, stored: have.Stderr}
	return s
}

// Stdout is the step's standard output.
func (s *Session) Stdout() *Output { return s.stdout }

// Stderr is the step's standard error.
func (s *Session) Stderr() *Output { return s.stderr }

// Progress says what a silent step is doing; percent is 0 to 100, or negative
// when unknown. It is a hint: nothing is kept.
func (s *Session) Progress(message string, percent int) error {
	if percent > 100 {
		percent = 100
	}
	return s.emit(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Progress{
		Progress: &connectorv1.Progress{Message: text(message), Percent: int32(max(percent, -1))}}})
}

// SaveState gives the host what is needed to join this attempt again: the name
// of a container, an operation's ID. Save it before the work begins to matter. It
// has at most MaxValue bytes.
func (s *Session) SaveState(state []byte) error {
	if len(state) > MaxValue {
		return Errorf(ClassInternal, "the state has %d bytes; %d is the most", len(state), MaxValue)
	}
	return s.emit(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_State{
		State: &connectorv1.State{Data: state}}})
}

// SetOutput gives a value to later steps: UTF-8 text of at most MaxValue bytes.
func (s *Session) SetOutput(name, value string) error {
	switch {
	case !utf8.ValidString(name) || !utf8.ValidString(value):
		return Errorf(ClassInternal, "the output %q is not UTF-8 text", text(name))
	case len(value) > MaxValue:
		return Errorf(ClassInternal, "the output %q has %d bytes; %d is the most", name, len(value), MaxValue)
	}
	return s.emit(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_SetOutput{
		SetOutput: &connectorv1.SetOutput{Name: name, Value: value}}})
}

func (s *Session) emit(message *connectorv1.RunStepResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if err := s.send(message); err != nil {
		s.err = fmt.Errorf("%w: %w", ErrDetached, err)
	}
	return s.err
}

// close makes every later message fail, so that nothing follows the result.
func (s *Session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = ErrDetached
	}
}

// Output is one stream of a step's output, written from its first byte at every
// run and join. What the host has already stored is not sent again. It is safe
// for concurrent use; writes block while the host is slow.
type Output struct {
	session *Session
	stream  connectorv1.Stream

	mu       sync.Mutex
	position int64
	stored   int64
}

// Write sends p, or the part of it that the host does not have.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	written := 0
	for len(p) > 0 {
		n := min(len(p), MaxOutputChunk)
		if err := o.writeChunk(p[:n]); err != nil {
			return written, err
		}
		p = p[n:]
		written += n
	}
	return written, nil
}

func (o *Output) writeChunk(p []byte) error {
	end := o.position + int64(len(p))
	if end <= o.stored {
		o.position = end
		return nil
	}
	if o.position < o.stored {
		p = p[o.stored-o.position:]
		o.position = o.stored
	}
	message := &connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Output{
		Output: &connectorv1.Output{Stream: o.stream, Offset: o.position, Data: p}}}
	if err := o.session.emit(message); err != nil {
		return err
	}
	o.position = end
	return nil
}

// Stored says how many bytes of the stream the host had when the step was joined.
func (o *Output) Stored() int64 { return o.stored }

// SkipStored moves to the first byte that the host does not have, and returns its
// offset: for sources that can begin anywhere, such as a file.
func (o *Output) SkipStored() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.position = max(o.position, o.stored)
	return o.position
}
