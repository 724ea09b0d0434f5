package main

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// openVoid opens what every shell has as its standard input, once.
var openVoid = sync.OnceValues(func() (*os.File, error) { return os.Open(os.DevNull) })

// spawn starts a shell in a session of its own. ended waits for its end, on the
// runtime's poller: no thread sleeps for each step.
func spawn(line command, directory string, environment []string, stdout, stderr *os.File) (pid int, ended func() (syscall.WaitStatus, error), err error) {
	void, err := openVoid()
	if err != nil {
		return 0, nil, err
	}
	handle := -1
	pid, err = syscall.ForkExec(line.path, line.argv, &syscall.ProcAttr{Dir: directory, Env: environment,
		Files: []uintptr{void.Fd(), stdout.Fd(), stderr.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &handle}})
	if err != nil {
		return 0, nil, err
	}
	return pid, func() (syscall.WaitStatus, error) { return awaitChild(pid, handle) }, nil
}

// awaitChild reaps a child when its pidfd (pidfd_open(2)) says that it has ended.
func awaitChild(pid, handle int) (status syscall.WaitStatus, err error) {
	if handle < 0 || unix.SetNonblock(handle, true) != nil {
		return reap(pid, 0) // a kernel without pidfds: a thread waits
	}
	file := os.NewFile(uintptr(handle), "pidfd")
	defer file.Close()
	connection, err := file.SyscallConn()
	if err != nil {
		return reap(pid, 0)
	}
	var reapErr error
	err = connection.Read(func(uintptr) bool {
		status, reapErr = reap(pid, syscall.WNOHANG)
		return !errors.Is(reapErr, errRunning)
	})
	if err != nil { // not a descriptor that the poller takes
		return reap(pid, 0)
	}
	return status, reapErr
}

var errRunning = errors.New("the process is running")

func reap(pid, options int) (status syscall.WaitStatus, err error) {
	for {
		reaped, err := syscall.Wait4(pid, &status, options, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return status, err
		case reaped == 0:
			return status, errRunning
		}
		return status, nil
	}
}
