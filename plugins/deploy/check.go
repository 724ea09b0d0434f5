package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxSaid bounds what is kept of a check's output.
const maxSaid = 1 << 10

// usualTimeout is for a host that names none.
const usualTimeout = 5 * time.Second

// CheckInstance implements sdk.Deployer: the command runs in the release, as the service
// does.
func (c *connector) CheckInstance(ctx context.Context, r sdk.CheckInstanceRequest) (sdk.HealthResult, error) {
	s, err := readSpec(r.Instance)
	if err != nil {
		return sdk.HealthResult{}, err
	}
	status, err := inspect(r.Instance)
	if err != nil || status.State != sdk.InstanceRunning {
		return sdk.HealthResult{Message: "it does not run"}, err
	}
	folder, err := instanceFolder(r.Instance)
	if err != nil {
		return sdk.HealthResult{}, err
	}
	o, err := c.newOrder(folder, s, sdk.StartInstanceRequest{Instance: r.Instance, Secrets: r.Secrets})
	if err != nil {
		return sdk.HealthResult{}, err
	}
	o.Argv = r.Argv
	path, err := program(o)
	if err != nil {
		return sdk.HealthResult{Message: err.Error()}, nil
	}
	if r.Timeout <= 0 {
		r.Timeout = usualTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	said := &lastSaid{}
	command := exec.CommandContext(ctx, path)
	command.Args, command.Dir, command.Env = o.Argv, o.Directory, o.Environment
	command.Stdout, command.Stderr = said, said
	command.SysProcAttr = checkAttributes(o.User)
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return sdk.HealthResult{Message: "the check took longer than " + r.Timeout.String()}, nil
	case err == nil:
		return sdk.HealthResult{Healthy: true, Message: said.line()}, nil
	case errors.As(err, &exit):
		return sdk.HealthResult{Message: strings.TrimSuffix(exit.Error()+": "+said.line(), ": ")}, nil
	}
	return sdk.HealthResult{Message: err.Error()}, nil
}

// checkAttributes puts a check into a group of its own, which is killed with it.
func checkAttributes(a *account) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attributes.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
	return attributes
}

// lastSaid keeps the end of what is written to it.
type lastSaid struct{ end []byte }

// Write never fails.
func (l *lastSaid) Write(p []byte) (int, error) {
	l.end = append(l.end, p...)
	if over := len(l.end) - maxSaid; over > 0 {
		l.end = append(l.end[:0], l.end[over:]...)
	}
	return len(p), nil
}

// line is the last line that has something in it.
func (l *lastSaid) line() string {
	text := bytes.TrimSpace(l.end)
	return strings.ToValidUTF8(string(text[bytes.LastIndexByte(text, '\n')+1:]), "?")
}
