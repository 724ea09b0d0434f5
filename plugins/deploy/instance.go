package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/filelock"
)

// What there is of an instance, in a folder of its own.
const (
	instancesFolder = "instances"
	// lockName is a file that the keeper of a service's processes holds a lock on for as
	// long as it lives.
	lockName = "lock"
	// startedFile has what a keeper knew at the start, or for a folder, when it was started.
	startedFile = "started.json"
	// endedFile has how it ended by itself.
	endedFile = "ended.json"
	// activeFolder has for each service the ID of the instance that was activated last.
	activeFolder = "active"
)

// started is the content of startedFile.
type started struct {
	Keeper int       `json:"keeper,omitempty"`
	PID    int       `json:"pid,omitempty"`
	At     time.Time `json:"at"`
}

// ended is the content of endedFile.
type ended struct {
	Code   int       `json:"code"`
	Signal string    `json:"signal,omitempty"`
	At     time.Time `json:"at"`
}

func instanceFolder(i sdk.Instance) (string, error) {
	folder, err := recordFolder(i.DeployPath, i.ReleaseID)
	if err == nil && !nameable.MatchString(i.ID) {
		err = sdk.Errorf(sdk.ClassInternal, "the host gave an instance the ID %.80q", i.ID)
	}
	return filepath.Join(folder, instancesFolder, i.ID), err
}

// readJSON reports whether there is such a file.
func readJSON(name string, into any) (bool, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	return err == nil, err
}

// StartInstance implements sdk.Deployer. A folder is started when its files are there.
func (c *connector) StartInstance(ctx context.Context, r sdk.StartInstanceRequest) error {
	s, err := readSpec(r.Instance)
	if err != nil {
		return err
	}
	folder, err := instanceFolder(r.Instance)
	if err != nil {
		return err
	}
	if info, err := os.Stat(s.Files); err != nil || !info.IsDir() {
		return &sdk.Error{Class: sdk.ClassLost, Message: "the files of the release are gone", Suggestion: "deploy it again by its pipeline", Err: err}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return noRoom("make the instance's folder", err)
	}
	unlock, err := filelock.Take(ctx, filepath.Join(folder, "starting"))
	if err != nil {
		return err
	}
	defer unlock()
	if s.Action == actionService {
		return c.startProcess(ctx, folder, s, r)
	}
	var known started
	if there, err := readJSON(filepath.Join(folder, startedFile), &known); there || err != nil {
		return err
	}
	return writeWhole(filepath.Join(folder, startedFile), started{At: now()})
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// ActivateInstance implements sdk.Deployer: it switches the target, if there is one.
func (c *connector) ActivateInstance(_ context.Context, r sdk.ActivateInstanceRequest) (sdk.Activation, error) {
	i := r.Instance
	s, err := readSpec(i)
	if err != nil || s.Target == "" {
		return sdk.Activation{}, err
	}
	if _, err := instanceFolder(i); err != nil {
		return sdk.Activation{}, err
	}
	t, err := c.openTarget(i.DeployPath, s.Target, true)
	if err != nil {
		return sdk.Activation{}, err
	}
	defer t.Close()
	// Noted first: the one that was active has nothing to take away from now on.
	if err := setActive(i); err != nil {
		return sdk.Activation{}, err
	}
	if err := t.switchTo(s.Files, i.Service, i.ID, s.MoveAside); err != nil {
		return sdk.Activation{}, err
	}
	if s.Action == actionService { // its ports say where it is
		return sdk.Activation{}, nil
	}
	return sdk.Activation{Endpoint: t.path}, nil
}

func activeFile(i sdk.Instance) string { return filepath.Join(i.DeployPath, activeFolder, i.Service) }

func setActive(i sdk.Instance) error {
	if err := os.MkdirAll(filepath.Join(i.DeployPath, activeFolder), 0o700); err != nil {
		return err
	}
	return writeWhole(activeFile(i), i.ID)
}

// deactivate removes the link to an instance's release, if no other one was activated since.
func (c *connector) deactivate(i sdk.Instance, s spec) error {
	var active string
	if there, err := readJSON(activeFile(i), &active); err != nil || !there || active != i.ID {
		return err
	}
	t, err := c.openTarget(i.DeployPath, s.Target, false)
	if err != nil {
		return err
	}
	defer t.Close()
	return errors.Join(t.remove(i.Service, i.ReleaseID), removeFile(activeFile(i)))
}

// InspectInstance implements sdk.Deployer.
func (c *connector) InspectInstance(_ context.Context, r sdk.InspectInstanceRequest) (sdk.InstanceStatus, error) {
	return inspect(r.Instance)
}

func inspect(i sdk.Instance) (sdk.InstanceStatus, error) {
	absent := sdk.InstanceStatus{State: sdk.InstanceAbsent}
	folder, err := instanceFolder(i)
	if err != nil {
		return absent, err
	}
	// Asked first: an ending that is written meanwhile is then seen, too.
	alive := held(filepath.Join(folder, lockName))
	var begun started
	there, err := readJSON(filepath.Join(folder, startedFile), &begun)
	if err != nil || !there {
		return absent, err
	}
	if alive {
		return sdk.InstanceStatus{State: sdk.InstanceRunning, Since: begun.At}, nil
	}
	s, err := readSpec(i)
	if err != nil {
		return absent, err
	}
	if s.Action != actionService {
		if _, err := os.Stat(s.Files); err != nil {
			return sdk.InstanceStatus{State: sdk.InstanceExited, Message: "the files of the release are gone"}, nil
		}
		return sdk.InstanceStatus{State: sdk.InstanceRunning, Since: begun.At}, nil
	}
	return howItEnded(folder)
}

func howItEnded(folder string) (sdk.InstanceStatus, error) {
	var end ended
	there, err := readJSON(filepath.Join(folder, endedFile), &end)
	status := sdk.InstanceStatus{State: sdk.InstanceExited, Since: end.At, Signal: end.Signal}
	switch {
	case err != nil:
		return status, err
	case !there:
		status.Signal, status.Message = "SIGKILL", "its keeper was killed, or the machine was restarted"
	case end.Signal == "":
		status.ExitCode = &end.Code
	}
	return status, nil
}

// StopInstance implements sdk.Deployer. Logs stay.
func (c *connector) StopInstance(ctx context.Context, r sdk.StopInstanceRequest) error {
	folder, err := instanceFolder(r.Instance)
	if err != nil {
		return err
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := readSpec(r.Instance)
	if err != nil {
		return err
	}
	unlock, err := filelock.Take(ctx, filepath.Join(folder, "starting"))
	if err != nil {
		return err
	}
	defer unlock()
	if s.Target != "" {
		if err := c.deactivate(r.Instance, s); err != nil {
			return err
		}
	}
	if s.Action == actionService {
		if err := stopProcess(ctx, folder, r.Instance.ID, r.Grace); err != nil {
			return err
		}
	}
	return errors.Join(removeFile(filepath.Join(folder, startedFile)), removeFile(filepath.Join(folder, endedFile)))
}

func removeFile(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what is known of an instance: %w", err)
	}
	return nil
}
