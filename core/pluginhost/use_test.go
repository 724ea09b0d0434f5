package pluginhost_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func TestConcurrentFirstUseLaunchesOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	f.Warm("good")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			err := f.Use(t.Context(), "good", func(_ *sdk.Client, info sdk.Info) error {
				if info.Name != "good" || info.Version != "1.2.3" {
					t.Errorf("info is %+v", info)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff([]string{"good"}, f.launches(t)); diff != "" {
		t.Error(diff)
	}
}

func TestManyStepsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			attempt := fmt.Sprint("a", i)
			err := f.Use(t.Context(), "good", func(client *sdk.Client, _ sdk.Info) error {
				text, err := runStep(t.Context(), client, attempt, "", &output{})
				if n := strings.Count(text, attempt+" line "); n != 100 {
					t.Errorf("%s has %d lines of its own", attempt, n)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestErrorsOfDoComeBackUnchanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	mine := errors.New("mine")
	if err := f.Use(t.Context(), "good", func(*sdk.Client, sdk.Info) error { return mine }); err != mine {
		t.Errorf("got %v", err)
	}
}

func TestUnknownConnector(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", nil, nil)
	for _, name := range []string{"none", "../etc/passwd", "", "UPPER"} {
		err := f.Use(t.Context(), name, func(*sdk.Client, sdk.Info) error { return nil })
		if sdk.ClassOf(err) != sdk.ClassNotFound {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCancelledCallerDoesNotStopTheLaunch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	f.Warm("good")
	cancel(gaveUp)
	if err := f.Use(ctx, "good", func(*sdk.Client, sdk.Info) error { return nil }); !errors.Is(err, gaveUp) {
		t.Errorf("got %v", err)
	}
	if _, err := use(t.Context(), f.Host, "good", "pid"); err != nil {
		t.Error(err)
	}
	if n := len(f.launches(t)); n != 1 {
		t.Errorf("%d launches", n)
	}
}

func TestCrashAndRelaunch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	for range 2 {
		if _, err := use(t.Context(), f.Host, "good", "exit"); !errors.Is(err, sdk.ErrGone) {
			t.Fatalf("got %v, want ErrGone", err)
		}
		if _, err := use(t.Context(), f.Host, "good", ""); err != nil {
			t.Fatalf("after the crash: %v", err)
		}
	}
	if n := len(f.launches(t)); n != 3 {
		t.Errorf("%d launches, want 3", n)
	}
}

func TestKilledBetweenUses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	first, err := use(t.Context(), f.Host, "good", "pid")
	if err != nil {
		t.Fatal(err)
	}
	_, ended := f.PID("good")
	pid, _ := strconv.Atoi(first)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	second, err := use(t.Context(), f.Host, "good", "pid")
	if errors.Is(err, sdk.ErrGone) { // seen dead by the user before the host did
		second, err = use(t.Context(), f.Host, "good", "pid")
	}
	if err != nil || second == first {
		t.Errorf("second process is %s after %s, %v", second, first, err)
	}
}

func TestCrashLoopIsQuarantined(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"bad", "good"}, nil)
	f.SetLimits(pluginhost.Limits{CrashLimit: 3, BackOff: time.Millisecond, Quarantine: time.Hour})
	for range 3 {
		if _, err := use(t.Context(), f.Host, "bad", "exit"); !errors.Is(err, sdk.ErrGone) {
			t.Fatalf("got %v, want ErrGone", err)
		}
	}
	_, err := use(t.Context(), f.Host, "bad", "")
	if sdk.ClassOf(err) != sdk.ClassInternal || !strings.Contains(err.Error(), "quarantine") {
		t.Fatalf("got %v", err)
	}
	if entry, err := f.Connector(t.Context(), "bad"); err != nil || !strings.Contains(entry.Reason, "quarantine") {
		t.Errorf("the catalog says %+v, %v", entry, err)
	}
	if _, err := use(t.Context(), f.Host, "good", ""); err != nil {
		t.Errorf("the other connector: %v", err)
	}
	replaceBinary(t, f.options.Path[0], "bad")
	if _, err := use(t.Context(), f.Host, "bad", ""); err != nil {
		t.Errorf("after the binary was replaced: %v", err)
	}
}

func TestQuarantineEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"bad"}, nil)
	f.SetLimits(pluginhost.Limits{CrashLimit: 1, Quarantine: time.Nanosecond})
	if _, err := use(t.Context(), f.Host, "bad", "exit"); !errors.Is(err, sdk.ErrGone) {
		t.Fatalf("got %v, want ErrGone", err)
	}
	if _, err := use(t.Context(), f.Host, "bad", ""); err != nil {
		t.Errorf("after the quarantine: %v", err)
	}
}

func TestIdleStopAndRelaunch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, func(o *pluginhost.Options) { o.IdleTimeout = time.Millisecond })
	var ended <-chan struct{}
	err := f.Use(t.Context(), "good", func(client *sdk.Client, _ sdk.Info) error {
		_, ended = f.PID("good")
		for range 5 { // the idle time passes more than once
			if _, err := runStep(t.Context(), client, "a", "", &output{}); err != nil {
				return err
			}
			<-time.After(2 * time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("stopped while in use: %v", err)
	}
	<-ended
	// With so short a time it may be stopped at any moment that it has no user.
	if _, err := use(t.Context(), f.Host, "good", ""); err != nil {
		t.Error(err)
	}
	if n := len(f.launches(t)); n < 2 {
		t.Errorf("%d launches", n)
	}
}

// replaceBinary puts a copy of the test binary, which has an identity of its own,
// in the place of a connector.
func replaceBinary(t *testing.T, folder, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next")
	// Bytes behind the end of an executable do not matter but to its hash.
	if err := os.WriteFile(next, append(content, "another build"...), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(folder, pluginhost.Prefix+name)); err != nil {
		t.Fatal(err)
	}
}

func TestReplacedBinary(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, nil)
	running := &output{waiting: make(chan struct{})}
	stepCtx, stopStep := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- f.Use(stepCtx, "good", func(client *sdk.Client, _ sdk.Info) error {
			_, err := runStep(stepCtx, client, "long", "wait", running)
			return err
		})
	}()
	<-running.waiting
	oldPID, oldEnded := f.PID("good")
	replaceBinary(t, f.options.Path[0], "good")
	newPID, err := use(t.Context(), f.Host, "good", "pid")
	if err != nil || newPID == oldPID {
		t.Fatalf("process %s after %s, %v", newPID, oldPID, err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the running step was disturbed: %v", err)
	case <-oldEnded:
		t.Fatal("the old process ended with a step running")
	default:
	}
	stopStep()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the old step ended with %v", err)
	}
	<-oldEnded
}
