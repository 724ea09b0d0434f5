package sdktest

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/sdk"
)

func checkResult(ctx context.Context, k *kit, on *Case) error {
	a, err := k.newAttempt(on)
	if err != nil {
		return err
	}
	result, said, err := a.runToEnd(ctx, sdk.Offsets{})
	if err != nil {
		return err
	}
	if err := on.Expect.check(result, said); err != nil {
		return err
	}
	return a.doneOnce()
}

// check compares what came with what the case expects.
func (e Expectation) check(result sdk.Result, said *said) error {
	want := e.Outcome
	if want == "" {
		want = sdk.OutcomeSucceeded
	}
	switch {
	case result.Outcome != want:
		return fmt.Errorf("it %s; want %s; its last words: %s", describe(result), want, lastWords(said))
	case e.ExitCode != nil && (result.ExitCode == nil || *result.ExitCode != *e.ExitCode):
		return fmt.Errorf("it %s; want exit code %d", describe(result), *e.ExitCode)
	case e.Stdout != nil && *e.Stdout != string(said.stdout.data):
		return fmt.Errorf("stdout is not as expected: %s", difference(said.stdout.data, []byte(*e.Stdout)))
	case e.Stderr != nil && *e.Stderr != string(said.stderr.data):
		return fmt.Errorf("stderr is not as expected: %s", difference(said.stderr.data, []byte(*e.Stderr)))
	}
	for name, value := range e.Outputs {
		if got, set := said.outputs[name]; !set || got != value {
			return fmt.Errorf("output %s is %q; want %q", name, got, value)
		}
	}
	return nil
}

func lastWords(s *said) string {
	tail := func(p []byte) string { return fmt.Sprintf("%q", p[max(0, len(p)-200):]) }
	return tail(s.stdout.data) + " " + tail(s.stderr.data)
}

// maxJoins bounds how many splits of an output are tried.
const maxJoins = 48

func checkReplay(ctx context.Context, k *kit, on *Case) error {
	a, err := k.newAttempt(on)
	if err != nil {
		return err
	}
	first, whole, err := a.runToEnd(ctx, sdk.Offsets{})
	if err != nil {
		return err
	}
	if whole.state != nil {
		a.state = whole.state
	}
	for _, have := range splits(whole.offsets()) {
		result, rest, err := a.runToEnd(ctx, have)
		if err != nil {
			return fmt.Errorf("joined from %+v: %w", have, err)
		}
		known := newSaid(sdk.Offsets{})
		known.stdout.data, known.stderr.data = whole.stdout.data[:have.Stdout], whole.stderr.data[:have.Stderr]
		if err := errors.Join(sameResult(first, result), sameWords(whole, known, rest)); err != nil {
			return fmt.Errorf("joined from %+v: %w", have, err)
		}
	}
	return a.doneOnce()
}

// splits are offsets between nothing and all: every one when there are few, and
// such as are often got wrong when there are many.
func splits(all sdk.Offsets) []sdk.Offsets {
	list := []sdk.Offsets{{}, all, {Stdout: all.Stdout}, {Stderr: all.Stderr}}
	longest := max(all.Stdout, all.Stderr)
	step := max(1, longest/maxJoins)
	for i := int64(1); i < longest; i += step {
		list = append(list, sdk.Offsets{Stdout: min(i, all.Stdout), Stderr: min(i, all.Stderr)})
	}
	for _, edge := range []int64{sdk.MaxOutputChunk - 1, sdk.MaxOutputChunk, sdk.MaxOutputChunk + 1, longest - 1} {
		if edge > 0 && edge < longest {
			list = append(list, sdk.Offsets{Stdout: min(edge, all.Stdout), Stderr: min(edge, all.Stderr)})
		}
	}
	return list
}

func checkDetach(ctx context.Context, k *kit, on *Case) error {
	if err := k.interrupted(ctx, on, func(*watching) error { return nil }, (*watching).letGo); err != nil {
		return fmt.Errorf("let go of at once: %w", err)
	}
	begun := func(w *watching) error { return w.untilBegun(ctx) }
	if err := k.interrupted(ctx, on, begun, (*watching).letGo); err != nil {
		return fmt.Errorf("let go of at its first word: %w", err)
	}
	return nil
}

func checkCrash(ctx context.Context, k *kit, on *Case) error {
	killer, ok := k.target.(Killer)
	if !ok {
		return skip("needs a connector in a process of its own")
	}
	return k.interrupted(ctx, on, func(w *watching) error { return w.untilBegun(ctx) }, func(w *watching) (sdk.Offsets, error) {
		if err := killer.Kill(); err != nil {
			return sdk.Offsets{}, err
		}
		if _, err := w.wait(); err != nil && !errors.Is(err, sdk.ErrGone) {
			return sdk.Offsets{}, err
		}
		var err error
		k.client, err = killer.Launch(ctx)
		return w.said.offsets(), err
	})
}

// interrupted starts a case, interrupts it at a moment, joins it again and checks
// that nothing shows of it in the end.
func (k *kit) interrupted(ctx context.Context, on *Case, moment func(*watching) error, interrupt func(*watching) (sdk.Offsets, error)) error {
	a, err := k.newAttempt(on)
	if err != nil {
		return err
	}
	before, err := a.start(ctx, sdk.Offsets{})
	if err != nil {
		return err
	}
	if err := moment(before); err != nil {
		before.detach()
		return err
	}
	have, err := interrupt(before)
	if err != nil {
		return err
	}
	if on.Endless {
		return a.goesOn(ctx, have)
	}
	result, after, err := a.runToEnd(ctx, have)
	if err != nil {
		return fmt.Errorf("joined again: %w", err)
	}
	again, whole, err := a.runToEnd(ctx, sdk.Offsets{})
	if err != nil {
		return fmt.Errorf("joined after its end: %w", err)
	}
	return errors.Join(on.Expect.check(again, whole), sameResult(result, again), sameWords(whole, before.said, after), a.doneOnce())
}

// goesOn joins endless work, sees that it is alive, and ends it.
func (a *attempt) goesOn(ctx context.Context, have sdk.Offsets) error {
	w, err := a.start(ctx, have)
	if err != nil {
		return fmt.Errorf("joined again: %w", err)
	}
	defer w.detach()
	if err := a.beat(ctx); err != nil {
		return fmt.Errorf("joined again: %w", err)
	}
	if err := w.cancel(ctx); err != nil {
		return fmt.Errorf("joined again and cancelled: %w", err)
	}
	return nil
}

func checkDoubleStart(ctx context.Context, k *kit, on *Case) error {
	a, err := k.newAttempt(on)
	if err != nil {
		return err
	}
	one, err := a.start(ctx, sdk.Offsets{})
	if err != nil {
		return err
	}
	other, err := a.start(ctx, sdk.Offsets{})
	if err != nil {
		return err
	}
	oneResult, oneErr := one.wait()
	otherResult, otherErr := other.wait()
	if err := errors.Join(oneErr, otherErr); err != nil {
		return err
	}
	return errors.Join(sameResult(oneResult, otherResult), sameWords(one.said, other.said), a.doneOnce())
}
