package pluginhost_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func TestProcesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good", "unused"}, nil)
	f.SetLimits(pluginhost.Limits{CrashLimit: 10, BackOff: time.Millisecond})
	same := func(when string, want ...core.ConnectorProcess) {
		t.Helper()
		if diff := cmp.Diff(want, f.Host.Processes()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	if got := f.Host.Processes(); len(got) != 0 {
		t.Errorf("before anything was used: %+v", got)
	}
	err := f.Host.Use(t.Context(), "good", func(*sdk.Client, sdk.Info) error {
		same("in use", core.ConnectorProcess{Name: "good", Up: true, Users: 1, Launches: 1})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := use(context.Background(), f.Host, "good", "exit"); err == nil {
		t.Fatal("a connector that exits does not fail")
	}
	if _, err := use(t.Context(), f.Host, "good", ""); err != nil {
		t.Fatal(err)
	}
	same("after a crash", core.ConnectorProcess{Name: "good", Up: true, Launches: 2, Crashes: 1})
	if _, err := use(t.Context(), f.Host, "none", ""); err == nil {
		t.Fatal("there is no such connector")
	}
	same("after a name that there is not", core.ConnectorProcess{Name: "good", Up: true, Launches: 2, Crashes: 1})
}

func TestFailedLaunchesAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "die", []string{"good"}, nil)
	if _, err := use(t.Context(), f.Host, "good", ""); err == nil {
		t.Fatal("it was launched")
	}
	if got := f.Host.Processes(); len(got) != 1 || got[0].Up || !got[0].Broken || got[0].Launches != 0 || got[0].Failures == 0 {
		t.Errorf("%+v", got)
	}
}
