package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"

	"github.com/patchbay-ci/patchbay/sdk"
)

// checkDeployUnknown asks about instances and releases that never were.
func checkDeployUnknown(ctx context.Context, k *kit, _ *Case) error {
	if !k.info.Has(sdk.CapabilityDeploy) {
		return skip("it deploys nothing")
	}
	folder, err := os.MkdirTemp("", "sdktest-deploy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for _, action := range k.info.Actions {
		if !action.Deploys {
			continue
		}
		i := sdk.Instance{ID: "sdktest-" + random(), Action: action.Name, Service: "sdktest-unknown", ReleaseID: "sdktest-" + random(),
			Spec: []byte("{}"), DeployPath: folder}
		if err := k.found(ctx, i, sdk.InstanceAbsent); err != nil {
			return fmt.Errorf("an instance that never was: %w", err)
		}
		var out bytes.Buffer
		err := errors.Join(k.client.StopInstance(ctx, sdk.StopInstanceRequest{Instance: i}),
			k.client.InstanceLogs(ctx, sdk.InstanceLogsRequest{Instance: i}, &out, &out),
			k.client.RemoveRelease(ctx, removal(i)))
		if err != nil {
			return fmt.Errorf("stopping, reading and removing what never was must be no error: %w", err)
		}
		if out.Len() > 0 {
			return fmt.Errorf("an instance that never was has printed %q", out.String())
		}
	}
	return nil
}

func removal(i sdk.Instance) sdk.RemoveReleaseRequest {
	return sdk.RemoveReleaseRequest{Action: i.Action, Service: i.Service, ReleaseID: i.ReleaseID, Spec: i.Spec, DeployPath: i.DeployPath}
}

// found checks how an instance is.
func (k *kit) found(ctx context.Context, i sdk.Instance, want sdk.InstanceState) error {
	status, err := k.client.InspectInstance(ctx, sdk.InspectInstanceRequest{Instance: i})
	if err == nil && status.State != want {
		err = fmt.Errorf("it is %s (%s), not %s", status.State, status.Message, want)
	}
	return err
}

// checkDeploy makes a release of a case, and has an instance of it live through what a
// host does.
func checkDeploy(ctx context.Context, k *kit, c *Case) error {
	if action := actionOf(k.info, c.Action); action == nil || !action.Deploys {
		return skip("its action does not deploy")
	}
	a, err := k.newAttempt(c)
	if err != nil {
		return err
	}
	i, secrets, err := a.release(ctx)
	if err != nil {
		return err
	}
	defer k.removeInstance(ctx, i)
	start := func() error {
		return k.client.StartInstance(ctx, sdk.StartInstanceRequest{Instance: i, Secrets: secrets})
	}
	if err := start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := k.startTwice(ctx, i, start); err != nil {
		return err
	}
	if err := k.outlivesConnector(ctx, i); err != nil {
		return err
	}
	for range 2 {
		if _, err := k.client.ActivateInstance(ctx, sdk.ActivateInstanceRequest{Instance: i}); err != nil {
			return fmt.Errorf("activate: %w", err)
		}
	}
	for _, round := range []string{"stop", "stop, the second time"} {
		if err := k.client.StopInstance(ctx, sdk.StopInstanceRequest{Instance: i, Grace: k.options.Quiet}); err != nil {
			return fmt.Errorf("%s: %w", round, err)
		}
		if err := k.found(ctx, i, sdk.InstanceAbsent); err != nil {
			return fmt.Errorf("after %s: %w", round, err)
		}
	}
	if err := errors.Join(start(), k.found(ctx, i, sdk.InstanceRunning)); err != nil {
		return fmt.Errorf("start of what was stopped: %w", err)
	}
	return k.removeInstance(ctx, i)
}

// release runs the attempt twice, destroys it with its workspace, and makes an instance
// of what is left.
func (a *attempt) release(ctx context.Context) (sdk.Instance, map[string]string, error) {
	var made []*sdk.Release
	for range 2 {
		result, said, err := a.runToEnd(ctx, sdk.Offsets{})
		switch {
		case err != nil:
			return sdk.Instance{}, nil, err
		case result.Outcome != sdk.OutcomeSucceeded:
			return sdk.Instance{}, nil, fmt.Errorf("the step did not succeed: %s", describe(result))
		case said.release == nil:
			return sdk.Instance{}, nil, errors.New("the step made no release")
		}
		made = append(made, said.release)
	}
	if !reflect.DeepEqual(made[0], made[1]) {
		return sdk.Instance{}, nil, fmt.Errorf("joined, the attempt made another release: %+v and %+v", made[0], made[1])
	}
	if err := errors.Join(a.destroy(ctx), os.RemoveAll(a.step.Workspace.Path), os.RemoveAll(a.step.Workspace.AttemptPath)); err != nil {
		return sdk.Instance{}, nil, err
	}
	r := made[0]
	i := sdk.Instance{ID: "sdktest-" + random(), Action: actionOf(a.kit.info, a.on.Action).Name, Service: r.Service, ReleaseID: a.step.AttemptID,
		Version: r.Version, Spec: r.Spec, DeployPath: a.step.Workspace.DeployPath, Environment: r.Environment}
	secrets := map[string]string{}
	for _, name := range r.Secrets {
		secrets[name] = a.step.Secrets[name]
	}
	for _, p := range r.Ports {
		leased := sdk.LeasedPort{Name: p.Name, Address: "127.0.0.1", Port: p.Port}
		if p.Port == 0 {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return sdk.Instance{}, nil, err
			}
			leased.Port = listener.Addr().(*net.TCPAddr).Port
			defer listener.Close() // all are held until each has one
		}
		i.Ports = append(i.Ports, leased)
	}
	return i, secrets, nil
}

// startTwice: there is one of an ID, and the first goes on.
func (k *kit) startTwice(ctx context.Context, i sdk.Instance, start func() error) error {
	inspect := func() (sdk.InstanceStatus, error) {
		return k.client.InspectInstance(ctx, sdk.InspectInstanceRequest{Instance: i})
	}
	if err := k.found(ctx, i, sdk.InstanceRunning); err != nil {
		return fmt.Errorf("after its start: %w", err)
	}
	before, err := inspect()
	if err != nil {
		return err
	}
	if err := start(); err != nil {
		return fmt.Errorf("start, the second time: %w", err)
	}
	after, err := inspect()
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return fmt.Errorf("started twice, it is another one: %+v and %+v", before, after)
	}
	return nil
}

// outlivesConnector kills the connector, where the target can, and looks for the instance
// through another process.
func (k *kit) outlivesConnector(ctx context.Context, i sdk.Instance) error {
	killer, ok := k.target.(Killer)
	if !ok {
		return nil
	}
	err := killer.Kill()
	if err == nil {
		k.client, err = killer.Launch(ctx)
	}
	if err != nil {
		return err
	}
	if err := k.found(ctx, i, sdk.InstanceRunning); err != nil {
		return fmt.Errorf("after the connector was killed: %w", err)
	}
	return nil
}

// removeInstance leaves nothing of it, however often it is asked.
func (k *kit) removeInstance(ctx context.Context, i sdk.Instance) error {
	err := k.client.StopInstance(ctx, sdk.StopInstanceRequest{Instance: i})
	for range 2 {
		err = errors.Join(err, k.client.RemoveRelease(ctx, removal(i)))
	}
	if err != nil {
		return fmt.Errorf("stop and remove: %w", err)
	}
	return nil
}

// actionOf finds an action as the host does; nil when there is none.
func actionOf(info sdk.Info, name string) *sdk.ActionInfo {
	for n := range info.Actions {
		if name == "" || info.Actions[n].Name == name {
			return &info.Actions[n]
		}
	}
	return nil
}
