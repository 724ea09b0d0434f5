package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A keeper is this program again, one for each service: the parent of its processes. It
// outlives the connector and the server, knows how the service ended, bounds its logs, and
// takes all that is left with it. When it is killed itself, the kernel kills the service.

// keeperEnv makes this program a keeper.
const keeperEnv = "PATCHBAY_DEPLOY_KEEPER"

// keeperReady is what a keeper says when the service is started; anything else is why not.
const keeperReady = "started"

// keeperMemory is small: it only passes bytes on.
const keeperMemory = 16 << 20

// lingering is how long what a service started may go on after it has ended by itself.
const lingering = 2 * time.Second

// keep is the whole life of a keeper; it returns its exit code.
func keep(orders io.Reader, answers io.WriteCloser) int {
	runtime.LockOSThread() // the kernel kills the service with the thread that started it
	debug.SetMemoryLimit(keeperMemory)
	debug.SetGCPercent(50)
	var o order
	err := json.NewDecoder(orders).Decode(&o)
	var k *keeper
	if err == nil {
		k, err = begin(o)
	}
	if err != nil {
		fmt.Fprintln(answers, oneLine(err))
		return 1
	}
	fmt.Fprintln(answers, keeperReady)
	_ = answers.Close()
	if err := k.toTheEnd(); err != nil {
		return 1
	}
	return 0
}

func oneLine(err error) string {
	text, _ := json.Marshal(err.Error())
	return string(text[1 : len(text)-1])
}

type keeper struct {
	order   order
	lock    *os.File
	log     *serviceLog
	pid     int
	signals chan os.Signal
	// written is done when what the service prints has ended.
	written sync.WaitGroup
}

// begin takes the lock, which ends with this process, and starts the service.
func begin(o order) (*keeper, error) {
	k := &keeper{order: o, signals: make(chan os.Signal, 8)}
	signal.Notify(k.signals, syscall.SIGTERM, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	var err error
	if k.lock, err = os.OpenFile(filepath.Join(o.Folder, lockName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if err := takeLock(k.lock); err != nil {
		return nil, err
	}
	if k.log, err = openLog(o.Folder); err != nil {
		return nil, err
	}
	restrain()
	if err := k.start(); err != nil {
		return nil, err
	}
	if err := writeWhole(filepath.Join(o.Folder, startedFile), started{Keeper: os.Getpid(), PID: k.pid, At: now()}); err != nil {
		k.signal(syscall.SIGKILL)
		return nil, err
	}
	return k, nil
}

// takeLock waits a moment for those who only look whether it is held.
func takeLock(file *os.File) error {
	for tries := 0; ; tries++ {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || tries == 200 || !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		time.Sleep(lockPause)
	}
}

// start starts the service in a group of its own. It gets no file of this process's but the
// pipes that its output goes to.
func (k *keeper) start() error {
	path, err := program(k.order)
	if err != nil {
		return err
	}
	void, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer void.Close()
	files := []*os.File{void}
	for _, stderr := range []bool{false, true} {
		from, to, err := os.Pipe()
		if err != nil {
			return err
		}
		defer to.Close()
		files = append(files, to)
		k.written.Go(func() { _ = k.log.take(from, stderr) }) // the log ends, the service goes on
	}
	process, err := os.StartProcess(path, k.order.Argv, &os.ProcAttr{Dir: k.order.Directory, Env: k.order.Environment, Files: files,
		Sys: serviceAttributes(k.order.User)})
	if err != nil {
		return err
	}
	k.pid = process.Pid
	return nil
}

// toTheEnd waits for the service, and for what it started, and notes how it ended.
func (k *keeper) toTheEnd() error {
	done := make(chan syscall.WaitStatus, 1)
	go func() { done <- reap(k.pid) }()
	stopped := false
	for {
		select {
		case s := <-k.signals:
			stopped = true
			if s == syscall.SIGTERM {
				k.signal(syscall.SIGTERM)
			} else {
				k.signal(syscall.SIGKILL)
			}
		case status := <-done:
			k.takeAlong(stopped)
			k.written.Wait()
			end := ended{At: now(), Code: status.ExitStatus()}
			if status.Signaled() {
				end.Signal = unix.SignalName(status.Signal())
			}
			return errors.Join(writeWhole(filepath.Join(k.order.Folder, endedFile), end), k.log.Close())
		}
	}
}

// signal is for the service's whole group: its leader is this process's child and was not
// waited for, so the number is nobody else's.
func (k *keeper) signal(s syscall.Signal) { _ = syscall.Kill(-k.pid, s) }

// takeAlong ends what the service has left: asked to stop, it may take the whole grace,
// which is measured by who asked.
func (k *keeper) takeAlong(stopped bool) {
	var limit <-chan time.Time
	if !stopped {
		limit = time.After(lingering)
	}
	k.signalLeft(syscall.SIGTERM)
	ticker := time.NewTicker(lockPause)
	defer ticker.Stop()
	for force := false; anyLeft(); {
		select {
		case s := <-k.signals:
			force = force || s == syscall.SIGUSR1
		case <-limit:
			force = true
		case <-ticker.C:
		}
		if force {
			k.signalLeft(syscall.SIGKILL)
		}
	}
}

// signalLeft signals what the service has left: all of it is a child of this process, once
// its own parent has ended.
func (k *keeper) signalLeft(s syscall.Signal) {
	signalMarked(k.order.ID, s)
	for _, pid := range children() {
		_ = syscall.Kill(pid, s)
	}
}

// reap waits for one child.
func reap(pid int) (status syscall.WaitStatus) {
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			return status
		}
	}
}

// anyLeft reaps what has ended, and reports whether there is more.
func anyLeft() bool {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR), err == nil && pid > 0:
		case err != nil:
			return false
		default:
			return true
		}
	}
}

// program finds what a command line begins with: in the service's PATH, or, with a slash,
// relative to its folder.
func program(o order) (string, error) {
	name := o.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil // taken by the kernel after the change of folder
	}
	for _, pair := range o.Environment {
		list, found := strings.CutPrefix(pair, "PATH=")
		if !found {
			continue
		}
		for _, folder := range filepath.SplitList(list) {
			candidate := filepath.Join(folder, name)
			if info, err := os.Stat(candidate); filepath.IsAbs(folder) && err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return candidate, nil
			}
		}
	}
	return "", fmt.Errorf("there is no program %q in the PATH", name)
}
