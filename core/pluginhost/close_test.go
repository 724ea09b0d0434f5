package pluginhost_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func errorsAs(err error, target any) bool { return errors.As(err, target) }

// alive reports whether a process is there and no zombie.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]string{"good": "", "deaf": "deaf"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mode, []string{"one", "two"}, func(o *pluginhost.Options) {
				folder, err := os.MkdirTemp("", "run") // t.TempDir is too long for a socket
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { os.RemoveAll(folder) })
				o.RunDir = folder
			})
			f.SetLimits(pluginhost.Limits{IdleGrace: 50 * time.Millisecond, BusyWait: 50 * time.Millisecond})
			var pids []int
			for _, name := range []string{"one", "two"} {
				text, err := use(t.Context(), f.Host, name, "pid")
				if err != nil {
					t.Fatal(err)
				}
				pid, _ := strconv.Atoi(text)
				pids = append(pids, pid)
			}
			// One of them is in the middle of a step.
			running := &output{waiting: make(chan struct{})}
			ended := make(chan error, 1)
			go func() {
				ended <- f.Use(t.Context(), "one", func(client *sdk.Client, _ sdk.Info) error {
					_, err := runStep(t.Context(), client, "long", "wait", running)
					return err
				})
			}()
			<-running.waiting
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			for _, pid := range pids {
				if alive(t, pid) {
					t.Errorf("process %d is alive", pid)
				}
			}
			if err := <-ended; err == nil {
				t.Error("the step ended well")
			}
			if left, err := os.ReadDir(f.options.RunDir); err != nil || len(left) > 0 {
				t.Errorf("left in the folder for sockets: %v, %v", left, err)
			}
			if _, err := use(t.Context(), f.Host, "one", ""); sdk.ClassOf(err) != sdk.ClassInternal {
				t.Errorf("Use after Close: %v", err)
			}
			f.Warm("one")
		})
	}
}

func TestCloseDuringLaunch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "hang", []string{"slow"}, nil)
	ended := make(chan error, 1)
	f.Warm("slow")
	go func() {
		_, err := use(t.Context(), f.Host, "slow", "")
		ended <- err
	}()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; sdk.ClassOf(err) != sdk.ClassInternal {
		t.Errorf("got %v", err)
	}
}

func TestConnectorsDieWithTheirHost(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	install(t, folder, "good")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(self)
	temporary, err := os.MkdirTemp("", "host") // a killed host leaves something there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temporary) })
	host.Env = append(os.Environ(), hostVariable+"="+folder, "TMPDIR="+temporary, "XDG_RUNTIME_DIR=")
	host.Stderr = os.Stderr
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	pid, atoiErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || atoiErr != nil {
		t.Fatalf("the host said %q: %v", line, err)
	}
	connector, err := os.FindProcess(pid)
	if err != nil || !alive(t, pid) {
		t.Fatalf("no connector %d, %v", pid, err)
	}
	if err := host.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait() // killed, as it should be
	deadline := time.Now().Add(30 * time.Second)
	for alive(t, pid) {
		if time.Now().After(deadline) {
			_ = connector.Kill()
			t.Fatal("the connector outlives its host")
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestSocketFoldersOfDeadHostsAreSwept(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"dead", "alive", "young"} {
		folder := filepath.Join(base, pluginhost.OwnPrefix+name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "alive" {
			lock, err := pluginhost.LockFolder(folder)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
		}
		if name != "young" {
			if err := os.Chtimes(folder, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	pluginhost.Sweep(base)
	left, err := filepath.Glob(filepath.Join(base, "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(base, pluginhost.OwnPrefix+"alive"), filepath.Join(base, pluginhost.OwnPrefix+"young")}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}
