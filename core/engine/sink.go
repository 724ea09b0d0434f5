package engine

import (
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/sdk"
)

// errLog says that output could not be stored: the attempt is let go of and joined
// again, from where the log got to.
var errLog = errors.New("the output could not be stored")

// maxOutputs bounds the outputs of one step: their number, and bytes in all.
const (
	maxOutputs     = 1000
	maxOutputBytes = 1 << 20
)

// sink stores what an attempt says.
type sink struct {
	life    *stepLife
	attempt *core.Attempt
	// call is the place in the trace of the call that is going on.
	call trace
	// announced is set when PreExecute has been called.
	announced bool
	// received counts what came anew, to tell progress from a loop of crashes.
	received int64
	// info is of the connector, release what the attempt made to be deployed.
	info    sdk.Info
	release *sdk.Release
	// streams mask the output, when the run has secrets.
	streams map[core.LogStream]*mask.Stream
}

// Output implements sdk.Events.
func (s *sink) Output(chunk sdk.OutputChunk) error {
	stream := core.StreamStdout
	if chunk.Stderr {
		stream = core.StreamStderr
	}
	s.received += int64(len(chunk.Data))
	if s.life.masks.Empty() {
		return s.store(stream, mask.Piece{Offset: chunk.Offset, Data: chunk.Data})
	}
	masked := s.masked(stream, chunk.Offset)
	if chunk.Offset != masked.Next() {
		return sdk.Errorf(sdk.ClassInternal, "the connector sent %s from byte %d on where %d was next", stream, chunk.Offset, masked.Next())
	}
	return s.storeAll(stream, masked.Write(chunk.Data))
}

// masked is the stream of this watch; the first chunk says where it goes on.
func (s *sink) masked(stream core.LogStream, offset int64) *mask.Stream {
	if s.streams[stream] == nil {
		s.streams[stream] = s.life.masks.Stream(offset)
	}
	return s.streams[stream]
}

// rewind forgets what was held back: the attempt is joined again from where the log
// got to.
func (s *sink) rewind() { s.streams = map[core.LogStream]*mask.Stream{} }

// flush stores what was held back, at the end of the output.
func (s *sink) flush() error {
	for _, stream := range []core.LogStream{core.StreamStdout, core.StreamStderr} {
		if held := s.streams[stream]; held != nil {
			if err := s.storeAll(stream, held.Flush()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sink) storeAll(stream core.LogStream, pieces []mask.Piece) error {
	for _, p := range pieces {
		if err := s.store(stream, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) store(stream core.LogStream, p mask.Piece) error {
	record := core.LogRecord{Time: now(), Step: s.life.node, Attempt: s.attempt.Number, Stream: stream, Offset: p.Offset, Data: p.Data}
	if p.Span != int64(len(p.Data)) {
		record.Span = p.Span
	}
	if err := s.life.run.logs.Append(record); err != nil {
		return fmt.Errorf("%w: %w", errLog, err)
	}
	return nil
}

// Progress implements sdk.Events.
func (s *sink) Progress(message string, percent int) error {
	s.life.run.engine.options.Observer.StepProgress(s.life.step, s.life.masks.Text(message), percent)
	return nil
}

// State implements sdk.Events.
func (s *sink) State(state []byte) error {
	s.attempt.State = state
	s.received++
	return s.life.run.saveStep(s.life.step)
}

// SetOutput implements sdk.Events. Outputs are stored with the step's end; until
// then a join sets them again.
func (s *sink) SetOutput(name, value string) error {
	if s.life.step.Outputs == nil {
		s.life.step.Outputs = map[string]string{}
	}
	value = s.life.masks.Text(value)
	s.life.step.Outputs[name] = value
	size := 0
	for n, v := range s.life.step.Outputs {
		size += len(n) + len(v)
	}
	if len(s.life.step.Outputs) > maxOutputs || size > maxOutputBytes {
		return sdk.Errorf(sdk.ClassInternal, "the step set more outputs than fit: %d of at most %d, %d bytes of at most %d",
			len(s.life.step.Outputs), maxOutputs, size, maxOutputBytes)
	}
	return nil
}

// say writes a line of the engine's own into the log; node -1 is the execution.
func (r *run) say(node, attempt int, format string, args ...any) {
	err := r.logs.Append(core.LogRecord{Time: now(), Step: node, Attempt: attempt, Stream: core.StreamSystem,
		Data: []byte(fmt.Sprintf(format, args...) + "\n")})
	if err != nil {
		r.log.Warn("a line of the log could not be stored", "error", err)
	}
}
