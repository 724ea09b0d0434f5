package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"golang.org/x/sys/unix"
)

// ownEngine is a Docker Engine of one test, which may do with it what it likes. It
// runs in a network namespace of its own: in the machine's, an Engine without a bridge
// would remove the bridge of the others.
type ownEngine struct {
	t       *testing.T
	folder  string
	options []string
	daemon  *exec.Cmd
}

func newOwnEngine(t *testing.T, options ...string) *ownEngine {
	t.Helper()
	_, err := exec.LookPath("dockerd")
	if err != nil || os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a Docker Engine of the test's own needs root and dockerd: %v", err)
		}
		t.Skip("a Docker Engine of the test's own needs root and dockerd")
	}
	folder, err := os.MkdirTemp("", "pbe") // sockets' paths must be short
	if err != nil {
		t.Fatal(err)
	}
	e := &ownEngine{t: t, folder: folder, options: options}
	t.Cleanup(e.remove)
	e.start()
	return e
}

func (e *ownEngine) host() string { return "unix://" + filepath.Join(e.folder, "docker.sock") }

// start starts the daemon and waits until it answers.
func (e *ownEngine) start() {
	e.t.Helper()
	log, err := os.OpenFile(filepath.Join(e.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer log.Close()
	e.daemon = exec.Command("dockerd", append([]string{"--data-root", filepath.Join(e.folder, "data"), "--exec-root", filepath.Join(e.folder, "exec"),
		"--pidfile", filepath.Join(e.folder, "pid"), "--host", e.host(), "--bridge=none", "--iptables=false"}, e.options...)...)
	e.daemon.Stdout, e.daemon.Stderr = log, log
	e.daemon.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	e.daemon.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if err := e.daemon.Start(); err != nil {
		e.t.Fatal(err)
	}
	api, err := client.NewClientWithOpts(client.WithHost(e.host()), client.WithAPIVersionNegotiation())
	if err != nil {
		e.t.Fatal(err)
	}
	defer api.Close()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		if _, err := api.Ping(e.t.Context()); err == nil {
			return
		}
	}
	said, _ := os.ReadFile(filepath.Join(e.folder, "log"))
	e.t.Fatalf("the Engine does not come up: %s", said)
}

// kill ends the daemon, and nothing else, as a crash does.
func (e *ownEngine) kill() {
	e.t.Helper()
	if err := e.daemon.Process.Kill(); err != nil {
		e.t.Fatal(err)
	}
	_ = e.daemon.Wait()
	// Its containerd dies with it, but where nobody reaps the orphans of others the
	// next daemon would take what is left of it for alive.
	if err := os.Remove(filepath.Join(e.folder, "exec", "containerd", "containerd.pid")); err != nil {
		e.t.Fatal(err)
	}
}

// remove ends the daemon and all that works for it, and removes its files.
func (e *ownEngine) remove() {
	_ = e.daemon.Process.Signal(syscall.SIGTERM)
	_ = e.daemon.Wait()
	for range 3 { // a shim's child becomes visible when the shim is gone
		for _, pid := range e.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for _, line := range strings.Split(string(mounts), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], e.folder+"/") {
			_ = unix.Unmount(fields[1], unix.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(e.folder); err != nil {
		e.t.Errorf("remove the Engine: %v", err)
	}
}

// processes are those whose command line names the Engine's folder.
func (e *ownEngine) processes() []int {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var found []int
	for _, file := range lines {
		line, _ := os.ReadFile(file)
		pid := 0
		for _, digit := range filepath.Base(filepath.Dir(file)) {
			pid = pid*10 + int(digit-'0')
		}
		if bytes.Contains(line, []byte(e.folder+"/")) && pid != os.Getpid() {
			found = append(found, pid)
		}
	}
	return found
}
