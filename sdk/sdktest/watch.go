package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxOutput bounds what a case may print on one stream.
const maxOutput = 64 << 20

// said is all that an attempt said while it was watched.
type said struct {
	stdout, stderr received
	state          []byte
	outputs        map[string]string
	progress       []string
	release        *sdk.Release

	began sync.Once
	begun chan struct{} // closed at the first word
}

// received is what came of one stream, from where the host had it on.
type received struct {
	from int64
	data []byte
}

func (r *received) end() int64 { return r.from + int64(len(r.data)) }

func newSaid(have sdk.Offsets) *said {
	return &said{stdout: received{from: have.Stdout}, stderr: received{from: have.Stderr},
		outputs: map[string]string{}, begun: make(chan struct{})}
}

func (s *said) offsets() sdk.Offsets {
	return sdk.Offsets{Stdout: s.stdout.end(), Stderr: s.stderr.end()}
}

func (s *said) begin() { s.began.Do(func() { close(s.begun) }) }

// Output implements sdk.Events.
func (s *said) Output(chunk sdk.OutputChunk) error {
	s.begin()
	name, r := "stdout", &s.stdout
	if chunk.Stderr {
		name, r = "stderr", &s.stderr
	}
	if chunk.Offset != r.end() {
		return fmt.Errorf("%s came with offset %d where %d was next: bytes are lost or doubled", name, chunk.Offset, r.end())
	}
	if len(r.data)+len(chunk.Data) > maxOutput {
		return fmt.Errorf("more than %d bytes on %s", maxOutput, name)
	}
	r.data = append(r.data, chunk.Data...)
	return nil
}

// Progress implements sdk.Events.
func (s *said) Progress(message string, _ int) error {
	s.begin()
	s.progress = append(s.progress, message)
	return nil
}

// State implements sdk.Events.
func (s *said) State(state []byte) error {
	s.begin()
	s.state = bytes.Clone(state)
	return nil
}

// SetOutput implements sdk.Events.
func (s *said) SetOutput(name, value string) error {
	s.begin()
	s.outputs[name] = value
	return nil
}

// Release implements sdk.ReleaseEvents.
func (s *said) Release(release sdk.Release) error {
	s.begin()
	s.release = &release
	return nil
}

// watching is a RunStep under way.
type watching struct {
	attempt *attempt
	running *sdk.RunningStep
	said    *said
	detach  context.CancelFunc
	ended   chan struct{}
	result  sdk.Result
	err     error
}

// start calls RunStep for an attempt, from the offsets on.
func (a *attempt) start(ctx context.Context, have sdk.Offsets) (*watching, error) {
	ctx, detach := context.WithCancel(ctx)
	running, err := a.kit.client.RunStep(ctx, sdk.RunRequest{Step: a.step, Offsets: have, State: a.state})
	if err != nil {
		detach()
		return nil, err
	}
	w := &watching{attempt: a, running: running, said: newSaid(have), detach: detach, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.result, w.err = running.Wait(w.said)
	}()
	return w, nil
}

// wait returns when the step has a result, or why it has none.
func (w *watching) wait() (sdk.Result, error) {
	<-w.ended
	w.detach()
	w.keepState()
	return w.result, w.err
}

func (w *watching) keepState() {
	if w.said.state != nil {
		w.attempt.state = w.said.state
	}
}

// untilBegun waits for the first sign of life: a word, or a heartbeat.
func (w *watching) untilBegun(ctx context.Context) error {
	if w.attempt.on.Heartbeat != "" {
		return w.attempt.beat(ctx)
	}
	select {
	case <-w.said.begun:
	case <-w.ended:
	case <-ctx.Done():
		return fmt.Errorf("the step said nothing: %w", context.Cause(ctx))
	}
	return nil
}

// letGo detaches, and returns what the host has then. A step that had ended by
// itself is no error; one that broke is.
func (w *watching) letGo() (sdk.Offsets, error) {
	w.detach()
	_, err := w.wait()
	if err != nil && !errors.Is(err, context.Canceled) {
		return sdk.Offsets{}, err
	}
	return w.said.offsets(), nil
}

// runToEnd starts or joins an attempt and waits for its result.
func (a *attempt) runToEnd(ctx context.Context, have sdk.Offsets) (sdk.Result, *said, error) {
	w, err := a.start(ctx, have)
	if err != nil {
		return sdk.Result{}, nil, err
	}
	result, err := w.wait()
	return result, w.said, err
}

// sameResult compares what the protocol promises to be the same at every join.
func sameResult(one, other sdk.Result) error {
	if one.Outcome != other.Outcome || one.Signal != other.Signal || !reflect.DeepEqual(one.ExitCode, other.ExitCode) {
		return fmt.Errorf("two results of one attempt differ: %s and %s", describe(one), describe(other))
	}
	return nil
}

// sameWords compares a whole output with the parts that another watcher had.
func sameWords(whole *said, parts ...*said) error {
	var stdout, stderr []byte
	outputs := map[string]string{}
	for _, part := range parts {
		stdout, stderr = append(stdout, part.stdout.data...), append(stderr, part.stderr.data...)
		maps.Copy(outputs, part.outputs)
	}
	for _, s := range []struct {
		name         string
		whole, parts []byte
	}{{"stdout", whole.stdout.data, stdout}, {"stderr", whole.stderr.data, stderr}} {
		if !bytes.Equal(s.whole, s.parts) {
			return fmt.Errorf("%s is not the same when the attempt is joined: %s", s.name, difference(s.whole, s.parts))
		}
	}
	if !maps.Equal(whole.outputs, outputs) {
		return fmt.Errorf("the outputs are not the same when the attempt is joined: %v and %v", whole.outputs, outputs)
	}
	return nil
}

// difference says where two texts part.
func difference(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	show := func(p []byte) string {
		text := strings.ToValidUTF8(string(p[at:min(len(p), at+40)]), "?")
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%d and %d bytes; from byte %d on %s and %s", len(a), len(b), at, show(a), show(b))
}

func describe(r sdk.Result) string {
	text := string(r.Outcome)
	if text == "" {
		text = "no outcome"
	}
	if r.ExitCode != nil {
		text += fmt.Sprintf(", exit code %d", *r.ExitCode)
	}
	if r.Signal != "" {
		text += ", " + r.Signal
	}
	if r.Message != "" {
		text += fmt.Sprintf(" (%s)", r.Message)
	}
	return text
}
