package health

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func answering(name string, critical bool, status core.HealthStatus) Component {
	return Component{Name: name, Critical: critical, Look: func(context.Context) Finding { return Finding{Status: status} }}
}

func TestWhatCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		phase      string
		components []Component
		want       core.HealthStatus
	}{
		"all well":           {"", []Component{answering("a", true, core.HealthPass)}, core.HealthPass},
		"a warning":          {"", []Component{answering("a", true, core.HealthWarn), answering("b", true, core.HealthPass)}, core.HealthWarn},
		"a failure":          {"", []Component{answering("a", true, core.HealthFail), answering("b", true, core.HealthWarn)}, core.HealthFail},
		"one that can be":    {"", []Component{answering("a", false, core.HealthFail)}, core.HealthWarn},
		"while it starts":    {"starting", []Component{answering("a", true, core.HealthPass)}, core.HealthFail},
		"nothing to look at": {"", nil, core.HealthPass},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := New(test.components...)
			if got := c.Check(t.Context()); got.Phase != "starting" || got.Status != core.HealthFail {
				t.Errorf("a new one: %+v", got)
			}
			c.SetPhase(test.phase)
			if got := c.Check(t.Context()); got.Status != test.want || got.Phase != test.phase {
				t.Errorf("%+v, want %s", got, test.want)
			}
		})
	}
}

// One that hangs is reported at its limit, is asked once however many ask, and holds up
// nobody; when it answers again, that is seen.
func TestOneThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		release := make(chan struct{})
		c := New(answering("well", true, core.HealthPass), Component{Name: "stuck", Critical: true, Limit: 3 * time.Second, Look: func(context.Context) Finding {
			asked.Add(1)
			<-release // whatever its context says
			return Finding{Status: core.HealthPass}
		}})
		c.SetPhase("")
		for _, wait := range []time.Duration{3 * time.Second, 0} {
			began := time.Now()
			report := c.Check(t.Context())
			if stuck := report.Components[1]; time.Since(began) != wait || report.Status != core.HealthFail || stuck.Message != "it did not answer within 3s" ||
				report.Components[0].Status != core.HealthPass {
				t.Errorf("after %s: %+v", time.Since(began), report)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if got := c.Check(gone); got.Status != core.HealthFail {
			t.Errorf("%+v", got)
		}
		close(release)
		synctest.Wait()
		time.Sleep(freshFor)
		if report := c.Check(t.Context()); report.Status != core.HealthPass || asked.Load() != 2 {
			t.Errorf("asked %d times: %+v", asked.Load(), report)
		}
	})
}

func TestFindingsAreSharedForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := New(Component{Name: "a", Look: func(context.Context) Finding { asked.Add(1); return Finding{Status: core.HealthPass} }})
		for range 10 {
			c.Check(t.Context())
		}
		time.Sleep(freshFor)
		c.Check(t.Context())
		if asked.Load() != 2 {
			t.Errorf("asked %d times", asked.Load())
		}
	})
}

func TestParts(t *testing.T) {
	t.Parallel()
	load := core.QueueLoad{Waiting: 7}
	paused := core.QueueLoad{Paused: true}
	for name, test := range map[string]struct {
		component Component
		want      core.HealthStatus
		value     float64
	}{
		"store":        {Store(func(context.Context) error { return nil }), core.HealthPass, -1},
		"store away":   {Store(func(context.Context) error { return errors.New("away") }), core.HealthFail, -1},
		"queue":        {Queue(func() core.QueueLoad { return load }), core.HealthPass, 7},
		"queue paused": {Queue(func() core.QueueLoad { return paused }), core.HealthWarn, 0},
		"no folder":    {Disk("/nonexistent"), core.HealthFail, 0},
		"memory":       {Memory(), core.HealthPass, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.component.Look(t.Context())
			if got.Status != test.want || (test.value >= 0 && got.Value != test.value) || (got.Message == "") != (test.want == core.HealthPass) || got.Measure == "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestDiskOfAFolder(t *testing.T) {
	t.Parallel()
	if got := Disk(t.TempDir()).Look(t.Context()); got.Err != nil || got.Value == 0 || got.Unit != "bytes" {
		t.Errorf("%+v", got)
	}
}

func TestMemoryOfAControlGroup(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	for name, test := range map[string]struct {
		files map[string]string
		want  [2]uint64
	}{
		"no group":  {nil, [2]uint64{512 * mebibyte, 1024 * mebibyte}},
		"no limit":  {map[string]string{"proc/self/cgroup": "0::/a\n", "cgroup/a/memory.max": "max\n", "cgroup/a/memory.current": "1\n"}, [2]uint64{512 * mebibyte, 1024 * mebibyte}},
		"limit":     {map[string]string{"proc/self/cgroup": "0::/a\n", "cgroup/a/memory.max": "104857600\n", "cgroup/a/memory.current": "52428800\n"}, [2]uint64{50 * mebibyte, 100 * mebibyte}},
		"above it":  {map[string]string{"proc/self/cgroup": "0::/a\n", "cgroup/a/memory.max": "1048576\n", "cgroup/a/memory.current": "52428800\n"}, [2]uint64{0, mebibyte}},
		"elsewhere": {map[string]string{"proc/self/cgroup": "0::/../../etc\n"}, [2]uint64{512 * mebibyte, 1024 * mebibyte}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			files := map[string]string{"proc/meminfo": "MemTotal:  1048576 kB\nMemFree: 1 kB\nMemAvailable: 524288 kB\n"}
			for file, content := range test.files {
				files[file] = content
			}
			for file, content := range files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			available, total, err := freeMemory(filepath.Join(root, "proc"), filepath.Join(root, "cgroup"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, [2]uint64{available, total}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, _, err := freeMemory(t.TempDir(), t.TempDir()); err == nil {
		t.Error("nothing to read is no error")
	}
}
