package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// An instance is a process of this program, in a session of its own, that holds a lock on
// a file in the instance's folder for as long as it lives: whoever finds the lock free
// knows that there is none.
const (
	lockFile   = "lock"
	pidFile    = "pid"
	exitFile   = "exit"
	logFile    = "log"
	startsFile = "starts" // one byte a start
	activeFile = "active" // in the service's folder: the ID of the active instance
)

func instanceFolder(i sdk.Instance) string {
	return filepath.Join(i.DeployPath, i.Service, i.ReleaseID, i.ID)
}

// StartInstance implements sdk.Deployer.
func (c *connector) StartInstance(_ context.Context, r sdk.StartInstanceRequest) error {
	c.instances.Lock()
	defer c.instances.Unlock()
	if err := c.journal.note("StartInstance", r.Instance.ID, sdk.Workspace{}); err != nil {
		return err
	}
	var b behaviour
	if err := json.Unmarshal(r.Instance.Spec, &b); err != nil {
		return sdk.Errorf(sdk.ClassInvalidConfig, "the spec is not this connector's: %v", err)
	}
	if b.StartFails != "" {
		return sdk.Errorf(sdk.ClassExternalService, "%s", b.StartFails)
	}
	folder := instanceFolder(r.Instance)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if held(folder) {
		return nil
	}
	if err := errors.Join(gone(filepath.Join(folder, exitFile)), appendTo(filepath.Join(folder, startsFile), ".")); err != nil {
		return err
	}
	return spawn(folder, r)
}

// spawn starts the process and waits until it holds its lock and listens.
func spawn(folder string, r sdk.StartInstanceRequest) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(folder, logFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	order, err := json.Marshal(serviceOrder{Folder: folder, Instance: r.Instance, Secrets: r.Secrets})
	if err != nil {
		return err
	}
	command := exec.Command(self)
	command.Args[0] = serviceName
	command.Env = []string{serviceEnv + "=1"}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	command.Stdin, command.Stderr = strings.NewReader(string(order)), log
	ready, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(ready).ReadString('\n')
	go func() { _ = command.Wait() }() // its end shows in its folder
	if err != nil {
		return sdk.Errorf(sdk.ClassExternalService, "the service did not start: %s%v", line, err)
	}
	return nil
}

// ActivateInstance implements sdk.Deployer.
func (c *connector) ActivateInstance(_ context.Context, r sdk.ActivateInstanceRequest) (sdk.Activation, error) {
	if err := c.journal.note("ActivateInstance", r.Instance.ID, sdk.Workspace{}); err != nil {
		return sdk.Activation{}, err
	}
	name := filepath.Join(r.Instance.DeployPath, r.Instance.Service, activeFile)
	if err := os.WriteFile(name+".new", []byte(r.Instance.ID), 0o600); err != nil {
		return sdk.Activation{}, err
	}
	return sdk.Activation{}, os.Rename(name+".new", name)
}

// InspectInstance implements sdk.Deployer.
func (c *connector) InspectInstance(_ context.Context, r sdk.InspectInstanceRequest) (sdk.InstanceStatus, error) {
	folder := instanceFolder(r.Instance)
	if held(folder) {
		status := sdk.InstanceStatus{State: sdk.InstanceRunning}
		if info, err := os.Stat(filepath.Join(folder, pidFile)); err == nil {
			status.Since = info.ModTime()
		}
		return status, nil
	}
	content, err := os.ReadFile(filepath.Join(folder, exitFile))
	if err == nil {
		code, err := strconv.Atoi(string(content))
		return sdk.InstanceStatus{State: sdk.InstanceExited, ExitCode: &code}, err
	}
	if _, err := os.Stat(filepath.Join(folder, pidFile)); err == nil {
		return sdk.InstanceStatus{State: sdk.InstanceExited, Signal: "SIGKILL"}, nil
	}
	return sdk.InstanceStatus{State: sdk.InstanceAbsent}, nil
}

// WatchInstance implements sdk.InstanceWatcher, more often than the SDK would.
func (c *connector) WatchInstance(ctx context.Context, r sdk.WatchInstanceRequest, report func(sdk.InstanceStatus) error) error {
	var last sdk.InstanceState
	for {
		status, err := c.InspectInstance(ctx, sdk.InspectInstanceRequest(r))
		if err != nil {
			return err
		}
		if status.State != last {
			if err := report(status); err != nil {
				return err
			}
			last = status.State
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CheckInstance implements sdk.Deployer.
func (c *connector) CheckInstance(_ context.Context, r sdk.CheckInstanceRequest) (sdk.HealthResult, error) {
	var b behaviour
	if err := json.Unmarshal(r.Instance.Spec, &b); err != nil {
		return sdk.HealthResult{}, err
	}
	if b.Unhealthy || !held(instanceFolder(r.Instance)) {
		return sdk.HealthResult{Message: "not well"}, nil
	}
	return sdk.HealthResult{Healthy: true, Message: "well"}, nil
}

// StopInstance implements sdk.Deployer.
func (c *connector) StopInstance(_ context.Context, r sdk.StopInstanceRequest) error {
	c.instances.Lock()
	defer c.instances.Unlock()
	if err := c.journal.note("StopInstance", r.Instance.ID, sdk.Workspace{}); err != nil {
		return err
	}
	folder := instanceFolder(r.Instance)
	content, err := os.ReadFile(filepath.Join(folder, pidFile))
	if err == nil && held(folder) {
		pid, err := strconv.Atoi(string(content))
		if err != nil {
			return err
		}
		_ = syscall.Kill(pid, syscall.SIGTERM) // that it is gone is looked at below
		for end := time.Now().Add(r.Grace); held(folder); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	return errors.Join(gone(filepath.Join(folder, pidFile)), gone(filepath.Join(folder, exitFile)))
}

// RemoveRelease implements sdk.Deployer.
func (c *connector) RemoveRelease(_ context.Context, r sdk.RemoveReleaseRequest) error {
	if err := c.journal.note("RemoveRelease", r.ReleaseID, sdk.Workspace{}); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(r.DeployPath, r.Service, r.ReleaseID))
}

// InstanceLogs implements sdk.Deployer.
func (c *connector) InstanceLogs(ctx context.Context, r sdk.InstanceLogsRequest, stdout, _ io.Writer) error {
	content, err := os.ReadFile(filepath.Join(instanceFolder(r.Instance), logFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(content), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	switch {
	case r.Tail < 0:
		lines = nil
	case r.Tail > 0 && len(lines) > r.Tail:
		lines = lines[len(lines)-r.Tail:]
	}
	if _, err := io.WriteString(stdout, strings.Join(lines, "")); err != nil || !r.Follow {
		return err
	}
	for at := len(content); held(instanceFolder(r.Instance)) && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		content, err := os.ReadFile(filepath.Join(instanceFolder(r.Instance), logFile))
		if err != nil {
			return err
		}
		if _, err := stdout.Write(content[at:]); err != nil {
			return err
		}
		at = len(content)
	}
	return nil
}

// held reports whether the instance's process lives.
func held(folder string) bool {
	file, err := os.Open(filepath.Join(folder, lockFile))
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

func gone(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}
