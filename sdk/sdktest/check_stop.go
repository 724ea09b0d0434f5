package sdktest

import (
	"context"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// grace is what a cancelled step is given in the kit, and slack what it may take
// beyond that to say so.
const (
	grace = 2 * time.Second
	slack = 10 * time.Second
)

// cancel asks a step to stop, twice, and wants it to say in time that it was.
func (w *watching) cancel(ctx context.Context) error {
	for range 2 {
		// A step that has ended already cannot be told; its end says enough.
		_ = w.running.Cancel(grace)
	}
	select {
	case <-w.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(grace + slack):
		return fmt.Errorf("cancelled with %s of grace, it is still not at its end after %s", grace, grace+slack)
	}
	result, err := w.wait()
	if err != nil {
		return err
	}
	if result.Outcome != sdk.OutcomeCancelled {
		return fmt.Errorf("cancelled, it says that it %s", describe(result))
	}
	return nil
}

// begin starts endless work and waits for its first sign of life.
func (k *kit) begin(ctx context.Context, on *Case) (*attempt, *watching, error) {
	a, err := k.newAttempt(on)
	if err != nil {
		return nil, nil, err
	}
	w, err := a.start(ctx, sdk.Offsets{})
	if err != nil {
		return nil, nil, err
	}
	if err := w.untilBegun(ctx); err != nil {
		w.detach()
		return nil, nil, err
	}
	select {
	case <-w.ended:
		result, err := w.wait()
		if err == nil {
			err = fmt.Errorf("the case is said to be endless, but %s", describe(result))
		}
		return nil, nil, err
	default:
		return a, w, nil
	}
}

func checkCancel(ctx context.Context, k *kit, on *Case) error {
	a, w, err := k.begin(ctx, on)
	if err != nil {
		return err
	}
	if err := w.cancel(ctx); err != nil {
		w.detach()
		return err
	}
	return a.still(ctx)
}

func checkDestroyUnknown(ctx context.Context, k *kit, _ *Case) error {
	if !k.info.Has(sdk.CapabilityDestroyStep) {
		return skip("it does not announce destroy_step")
	}
	never, err := k.newAttempt(nil)
	if err != nil {
		return err
	}
	bare := sdk.AttemptRef{AttemptID: never.step.AttemptID + "-bare"}
	for _, request := range []sdk.DestroyRequest{{}, {Attempts: []sdk.AttemptRef{never.reference(), bare}}} {
		if err := k.client.DestroyStep(ctx, request); err != nil {
			return fmt.Errorf("%d attempts that never were: %w", len(request.Attempts), err)
		}
	}
	return nil
}

func checkDestroy(ctx context.Context, k *kit, on *Case) error {
	if !k.info.Has(sdk.CapabilityDestroyStep) {
		return skip("it does not announce destroy_step")
	}
	var a *attempt
	if on.Endless {
		begun, w, err := k.begin(ctx, on)
		if err != nil {
			return err
		}
		if _, err := w.letGo(); err != nil {
			return err
		}
		a = begun
	} else {
		var err error
		if a, err = k.newAttempt(on); err != nil {
			return err
		}
		if _, said, err := a.runToEnd(ctx, sdk.Offsets{}); err != nil {
			return err
		} else if said.state != nil {
			a.state = said.state
		}
	}
	if err := a.destroy(ctx); err != nil {
		return err
	}
	if err := a.still(ctx); err != nil {
		return err
	}
	if err := a.destroy(ctx); err != nil {
		return fmt.Errorf("destroyed a second time: %w", err)
	}
	return nil
}
