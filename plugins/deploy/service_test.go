package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

func service(command any) config { return config{"service_name": "web", "command": command} }

// TestServiceEnvironment shows all that a service gets, and where it runs.
func TestServiceEnvironment(t *testing.T) {
	t.Setenv("PATCHBAY_ADMIN_TOKEN", "never")
	t.Setenv("SERVER_SETTING", "never")
	b := newBench(t)
	b.write("sub/file", "here")
	c := service("cat file; echo; env; echo problem >&2; exit 3")
	c["working_directory"], c["environment"] = "sub", config{"COLOUR": "red"}
	c["service_secrets"] = []string{"TOKEN"}
	i := b.release(actionService, c)
	i.Ports = []sdk.LeasedPort{{Name: "http", Address: "127.0.0.1", Port: 4711}, {Name: "metrics-1", Address: "127.0.0.1", Port: 4712}}
	b.start(i)
	status := b.state(i, sdk.InstanceExited)
	if status.ExitCode == nil || *status.ExitCode != 3 {
		t.Errorf("%+v", status)
	}
	out, errs := b.logs(i, 0, true)
	for _, want := range []string{"here\n", "COLOUR=red\n", "TOKEN=hush\n", "PORT=4711\n", "PORT_METRICS_1=4712\n", "LISTEN_ADDRESS=127.0.0.1:4711\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	if strings.Contains(out, "never") || errs != "problem\n" {
		t.Errorf("%q, %q", out, errs)
	}
	if _, errs := b.logs(i, -1, false); errs != "" {
		t.Errorf("no tail: %q", errs)
	}
	if out, errs := b.logs(i, 1, false); out+errs == "" || strings.Count(out+errs, "\n") != 1 {
		t.Errorf("a tail of one: %q, %q", out, errs)
	}
	b.secretNowhere("hush")
}

// secretNowhere looks for a secret in all that is kept.
func (b *bench) secretNowhere(secret string) {
	err := filepath.Walk(b.deploy, func(name string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() || filepath.Base(name) == logName { // what it printed itself
			return err
		}
		if data, err := os.ReadFile(name); err != nil || strings.Contains(string(data), secret) {
			b.t.Errorf("%s has the secret: %v", name, err)
		}
		return nil
	})
	if err != nil {
		b.t.Error(err)
	}
}

func (b *bench) known(i sdk.Instance) started {
	b.t.Helper()
	folder, err := instanceFolder(i)
	if err != nil {
		b.t.Fatal(err)
	}
	var known started
	if there, err := readJSON(filepath.Join(folder, startedFile), &known); err != nil || !there {
		b.t.Fatal(there, err)
	}
	return known
}

// marks counts the processes of an instance.
func marks(i sdk.Instance) bool { return signalMarked(i.ID, 0) }

// TestStop ends everything of an instance, also what left its group and what is stubborn.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		command string
		grace   time.Duration
		want    string
	}{
		"willing":  {"trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done", time.Minute, "up\nbye\n"},
		"stubborn": {"trap '' TERM; echo up; while :; do sleep 0.05; done", 0, "up\n"},
		"daemon":   {"setsid sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' & echo up; exec sleep 1000", 100 * time.Millisecond, "up\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			i := b.release(actionService, service(test.command))
			b.start(i)
			b.awaitLog(i, "up\n")
			b.stop(i, test.grace)
			b.stop(i, test.grace)
			b.state(i, sdk.InstanceAbsent)
			if marks(i) {
				t.Error("a process is left")
			}
			if out, _ := b.logs(i, 0, false); out != test.want {
				t.Errorf("got %q", out)
			}
		})
	}
}

// awaitLog follows until a text has come.
func (b *bench) awaitLog(i sdk.Instance, text string) {
	b.t.Helper()
	w := &untilText{text: text}
	err := b.client.InstanceLogs(b.t.Context(), sdk.InstanceLogsRequest{Instance: i, Follow: true}, w, w)
	if !errors.Is(err, errFound) {
		b.t.Fatalf("%q never came: %v, %q", text, err, w.got.String())
	}
}

var errFound = errors.New("found")

type untilText struct {
	got  strings.Builder
	text string
}

func (w *untilText) Write(p []byte) (int, error) {
	w.got.Write(p)
	if strings.Contains(w.got.String(), w.text) {
		return 0, errFound
	}
	return len(p), nil
}

// TestOneOfAnID starts many times at once: one process comes of it.
func TestOneOfAnID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i := b.release(actionService, service("echo up; exec sleep 1000"))
	var all sync.WaitGroup
	for range 8 {
		other := newBench(t).client // another connector's process would do the same
		all.Go(func() {
			if err := other.StartInstance(t.Context(), sdk.StartInstanceRequest{Instance: i}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b.stop(i, time.Second)
	if out, _ := b.logs(i, 0, false); out != "up\n" {
		t.Errorf("got %q", out)
	}
}

// TestKeeperKilled: the service goes with it, and is started again by the host.
func TestKeeperKilled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i := b.release(actionService, service("echo up; exec sleep 1000"))
	b.start(i)
	if err := syscall.Kill(b.known(i).Keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if status := b.state(i, sdk.InstanceExited); status.Signal != "SIGKILL" || status.Message == "" {
		t.Errorf("%+v", status)
	}
	b.start(i)
	b.state(i, sdk.InstanceRunning)
	if err := syscall.Kill(b.known(i).PID, syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	if status := b.state(i, sdk.InstanceExited); status.Signal != "SIGABRT" {
		t.Errorf("%+v", status)
	}
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, command := range []any{[]string{"no-such-program"}, []string{"./missing"}} {
		i := b.release(actionService, service(command))
		err := b.client.StartInstance(t.Context(), sdk.StartInstanceRequest{Instance: i})
		if sdk.ClassOf(err) != sdk.ClassInvalidConfig {
			t.Errorf("got %v", err)
		}
		b.state(i, sdk.InstanceAbsent)
	}
}

func TestCheckInstance(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("file", "content")
	i := b.release(actionService, service("exec sleep 1000"))
	b.start(i)
	for _, test := range []struct {
		command string
		healthy bool
		message string
	}{
		{"cat file", true, "content"}, {"echo $TOKEN; echo bad >&2; exit 4", false, "exit status 4: bad"},
		{"sleep 1000 & wait", false, "the check took longer than 200ms"},
	} {
		got, err := b.client.CheckInstance(t.Context(), sdk.CheckInstanceRequest{Instance: i, Argv: []string{"sh", "-c", test.command}, Timeout: 200 * time.Millisecond})
		if err != nil || got.Healthy != test.healthy || got.Message != test.message {
			t.Errorf("%s: %+v, %v", test.command, got, err)
		}
	}
}

// TestLogIsBounded prints more than is kept, and reads the end of it.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i := b.release(actionService, service("seq 1 2500000; head -c 100000 /dev/zero | tr '\\0' x"))
	b.start(i)
	b.state(i, sdk.InstanceExited)
	out, _ := b.logs(i, 0, false)
	if len(out) > 2*maxLogFile || !strings.HasSuffix(out, "\n2500000\n"+strings.Repeat("x", 100000)) {
		t.Errorf("%d bytes", len(out))
	}
	if out, _ := b.logs(i, 1, false); !strings.HasPrefix(out, "2500000\nx") {
		t.Errorf("got %.20q", out)
	}
}
