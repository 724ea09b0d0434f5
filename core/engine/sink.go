package engine

import (
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
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
	// announced is set when PreExecute has been called.
	announced bool
	// received counts what came anew, to tell progress from a loop of crashes.
	received int64
}

// Output implements sdk.Events.
func (s *sink) Output(chunk sdk.OutputChunk) error {
	stream := core.StreamStdout
	if chunk.Stderr {
		stream = core.StreamStderr
	}
	err := s.life.run.logs.Append(core.LogRecord{Time: now(), Step: s.life.node, Attempt: s.attempt.Number,
		Stream: stream, Offset: chunk.Offset, Data: chunk.Data})
	if err != nil {
		return fmt.Errorf("%w: %w", errLog, err)
	}
	s.received += int64(len(chunk.Data))
	return nil
}

// Progress implements sdk.Events.
func (s *sink) Progress(message string, percent int) error {
	s.life.run.engine.options.Observer.StepProgress(s.life.step, message, percent)
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
