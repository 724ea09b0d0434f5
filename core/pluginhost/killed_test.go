package pluginhost_test

import (
	"errors"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Who kills a connector, however often, does not have it quarantined: the steps in
// its hands go on and must be joined. What it does to itself still counts.
func TestKillsAreNoCrashLoop(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	f.SetLimits(pluginhost.Limits{CrashLimit: 3, BackOff: time.Millisecond, Quarantine: time.Hour})
	for i := range 7 {
		if _, err := use(t.Context(), f.Host, "good", "kill"); !errors.Is(err, sdk.ErrGone) || !errors.Is(err, core.ErrConnectorKilled) {
			t.Fatalf("kill %d: got %v, want ErrGone and ErrConnectorKilled", i+1, err)
		}
	}
	if _, err := use(t.Context(), f.Host, "good", ""); err != nil {
		t.Fatalf("after the kills: %v", err)
	}
	for range 3 {
		if _, err := use(t.Context(), f.Host, "good", "exit"); !errors.Is(err, sdk.ErrGone) || errors.Is(err, core.ErrConnectorKilled) {
			t.Fatalf("got %v, want ErrGone alone", err)
		}
	}
	if _, err := use(t.Context(), f.Host, "good", ""); sdk.ClassOf(err) != sdk.ClassInternal {
		t.Errorf("after three crashes: %v", err)
	}
}

// A connector that is killed while it starts is started again: the step that waits
// for it has not failed.
func TestKilledWhileLaunched(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "killed", []string{"good"}, nil)
	if _, err := use(t.Context(), f.Host, "good", ""); err != nil {
		t.Fatal(err)
	}
	if n := len(f.launches(t)); n != 4 {
		t.Errorf("%d launches, want 4", n)
	}
}
