package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// instanceEnv marks every process of an instance, so that even those that left its group
// can be told to belong to it.
const instanceEnv = "PATCHBAY_INSTANCE_ID"

// keeperTime is how long a keeper may take to end when its service has.
const keeperTime = 15 * time.Second

// order is what a keeper is told on its standard input, where nobody else can read it.
type order struct {
	Folder      string
	ID          string
	Argv        []string
	Directory   string
	Environment []string
	User        *account
}

// account is whom a service runs as.
type account struct {
	UID, GID uint32
	Groups   []uint32
}

// startProcess has a keeper running, which has the service's command running.
func (c *connector) startProcess(ctx context.Context, folder string, s spec, r sdk.StartInstanceRequest) error {
	if held(filepath.Join(folder, lockName)) {
		return nil
	}
	killMarked(r.Instance.ID) // a keeper that was killed could not see to it
	if err := errors.Join(removeFile(filepath.Join(folder, endedFile)), removeFile(filepath.Join(folder, startedFile))); err != nil {
		return err
	}
	o, err := c.newOrder(folder, s, r)
	if err != nil {
		return err
	}
	return launch(ctx, o)
}

func (c *connector) newOrder(folder string, s spec, r sdk.StartInstanceRequest) (order, error) {
	if err := c.mayRun(s.User); err != nil {
		return order{}, err
	}
	environment := baseEnvironment()
	o := order{Folder: folder, ID: r.Instance.ID, Argv: s.Command, Directory: filepath.Join(s.Files, s.WorkingDirectory)}
	if s.User != "" {
		a, home, err := lookUp(s.User)
		if err != nil {
			return order{}, err
		}
		o.User, environment["HOME"], environment["USER"] = a, home, s.User
	}
	for _, layer := range []map[string]string{portVariables(r.Instance.Ports), r.Instance.Environment, r.Secrets} {
		for name, value := range layer {
			environment[name] = value
		}
	}
	environment[instanceEnv] = r.Instance.ID
	for name, value := range environment {
		o.Environment = append(o.Environment, name+"="+value)
	}
	slices.Sort(o.Environment)
	return o, nil
}

// baseEnvironment is all that a service gets of the server's environment.
func baseEnvironment() map[string]string {
	environment := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ"} {
		if value := os.Getenv(name); value != "" {
			environment[name] = value
		}
	}
	return environment
}

// portVariables tells a service where to listen.
func portVariables(ports []sdk.LeasedPort) map[string]string {
	variables := map[string]string{}
	for i, p := range ports {
		number := strconv.Itoa(p.Port)
		if i == 0 {
			variables["PORT"], variables["HOST"] = number, p.Address
			variables["LISTEN_ADDRESS"] = net.JoinHostPort(p.Address, number)
		}
		variables["PORT_"+strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))] = number
	}
	return variables
}

// mayRun says whether a service can run as a user.
func (c *connector) mayRun(name string) error {
	if name == "" {
		return nil
	}
	if os.Getuid() != 0 {
		return invalid("/user", "remove user: it runs as the server's own user", "the server does not run as root, so a service cannot run as %s", name)
	}
	_, _, err := lookUp(name)
	return err
}

func lookUp(name string) (*account, string, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return nil, "", &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/user", Message: fmt.Sprintf("there is no user %q on this machine", name),
			Suggestion: "name one that there is, or have the operator add it", Err: err}
	}
	groups, err := found.GroupIds()
	if err != nil {
		return nil, "", fmt.Errorf("look up the groups of %s: %w", name, err)
	}
	var numbers []uint32
	for _, text := range append([]string{found.Uid, found.Gid}, groups...) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, "", fmt.Errorf("look up %s: %w", name, err)
		}
		numbers = append(numbers, uint32(n))
	}
	return &account{UID: numbers[0], GID: numbers[1], Groups: numbers[2:]}, found.HomeDir, nil
}

// launch starts a keeper, and returns when that has its lock and the service is started. The
// keeper is in a session of its own, and has none of this process's files.
func launch(ctx context.Context, o order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	keeper := exec.Command(ownProgram())
	keeper.Args[0] = "patchbay-service-keeper"
	keeper.Env = []string{keeperEnv + "=1", "GOMAXPROCS=2"}
	keeper.Dir = "/"
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	keeper.Stdin = strings.NewReader(string(text))
	answer, err := keeper.StdoutPipe()
	if err != nil {
		return err
	}
	if err := keeper.Start(); err != nil {
		return fmt.Errorf("start the service's keeper: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = keeper.Process.Kill() })
	line, err := bufio.NewReader(answer).ReadString('\n')
	stop()
	if line = strings.TrimSuffix(line, "\n"); line == keeperReady {
		go func() { _ = keeper.Wait() }() // reaped; its end shows in the instance's folder
		return nil
	}
	_ = keeper.Wait() // it has said why
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case line != "":
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/command", Message: "the service could not be started: " + line,
			Suggestion: "see that the release has the program, that it may be executed, and that its user may read it"}
	}
	return fmt.Errorf("the service's keeper ended before it began: %w", err)
}

// stopProcess leaves no process of an instance.
func stopProcess(ctx context.Context, folder, id string, grace time.Duration) error {
	lock := filepath.Join(folder, lockName)
	known, err := keeperOf(ctx, folder)
	if err != nil {
		return err
	}
	if known != nil && held(lock) {
		gone, err := watchEnd(known.Keeper, lock)
		if err != nil {
			return err
		}
		defer gone.Close()
		// The lock is held, so the number is the keeper's. It passes SIGTERM on to the
		// whole group, and knows whether that is still the service's.
		for _, force := range []struct {
			signal syscall.Signal
			wait   time.Duration
		}{{syscall.SIGTERM, grace}, {syscall.SIGUSR1, keeperTime}, {syscall.SIGKILL, keeperTime}} {
			_ = syscall.Kill(known.Keeper, force.signal) // that it is gone is seen below
			if gone.within(ctx, force.wait) {
				break
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	killMarked(id)
	if held(lock) {
		return sdk.Errorf(sdk.ClassExternalService, "the service's processes do not end, not even by SIGKILL")
	}
	return nil
}

// keeperOf returns what a keeper has noted, nil when there is none. One whose starter was
// killed may just be about to note it.
func keeperOf(ctx context.Context, folder string) (*started, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, keeperTime, errors.New("the service's keeper neither starts the service nor ends"))
	defer cancel()
	for {
		alive := held(filepath.Join(folder, lockName))
		var known started
		there, err := readJSON(filepath.Join(folder, startedFile), &known)
		if err != nil {
			return nil, err
		}
		if there {
			return &known, nil
		}
		if !alive {
			return nil, nil
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
