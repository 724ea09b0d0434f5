package sdktest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// kit is the host that one check plays.
type kit struct {
	target  Target
	client  *sdk.Client
	info    sdk.Info
	options Options

	attempts []*attempt
}

// attempt is one attempt with its own workspace.
type attempt struct {
	kit    *kit
	on     *Case
	folder string
	step   sdk.Step
	state  []byte
}

// kitSecret is given to every attempt, besides those of its case.
const kitSecret = "SDKTEST_SECRET"

// newAttempt makes the folders of an attempt; on is nil for a bare one.
func (k *kit) newAttempt(on *Case) (*attempt, error) {
	if on == nil {
		on = &Case{}
	}
	folder, err := os.MkdirTemp("", "sdktest-attempt")
	if err != nil {
		return nil, err
	}
	a := &attempt{kit: k, on: on, folder: folder}
	k.attempts = append(k.attempts, a)
	a.step = sdk.Step{AttemptID: "sdktest-" + random(), Action: on.Action, Config: on.Config, Environment: on.Environment,
		Workspace: sdk.Workspace{Path: filepath.Join(folder, "workspace"), AttemptPath: filepath.Join(folder, "attempt")},
		Secrets:   map[string]string{kitSecret: "s3cr3t-" + random()}}
	if len(a.step.Config) == 0 {
		a.step.Config = []byte("{}")
	}
	for name, value := range on.Secrets {
		a.step.Secrets[name] = value
	}
	folders := []string{a.step.Workspace.Path, a.step.Workspace.AttemptPath}
	if k.info.Has(sdk.CapabilityDeploy) {
		a.step.Workspace.DeployPath = filepath.Join(folder, "deploy")
		folders = append(folders, a.step.Workspace.DeployPath)
	}
	for _, path := range folders {
		if err := os.Mkdir(path, 0o700); err != nil {
			return nil, err
		}
	}
	for path, content := range on.Files {
		full := a.file(path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func random() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (a *attempt) file(path string) string {
	return filepath.Join(a.step.Workspace.Path, filepath.FromSlash(path))
}

func (a *attempt) reference() sdk.AttemptRef {
	return sdk.AttemptRef{AttemptID: a.step.AttemptID, Action: a.step.Action, State: a.state, Workspace: a.step.Workspace}
}

// destroy does what the host does when it needs an attempt no longer.
func (a *attempt) destroy(ctx context.Context) error {
	if !a.kit.info.Has(sdk.CapabilityDestroyStep) {
		return nil
	}
	return a.kit.client.DestroyStep(ctx, sdk.DestroyRequest{Attempts: []sdk.AttemptRef{a.reference()}})
}

// cleanUpTime bounds what is done about attempts of a check that may have failed.
const cleanUpTime = 10 * time.Second

// cleanUp leaves nothing of the check, whatever came of it.
func (k *kit) cleanUp() {
	ctx, cancel := context.WithTimeout(context.Background(), cleanUpTime)
	defer cancel()
	for _, a := range k.attempts {
		_ = a.destroy(ctx) // that it works is checked elsewhere
		os.RemoveAll(a.folder)
	}
}

// doneOnce checks that the work was done once.
func (a *attempt) doneOnce() error {
	if a.on.Once == "" {
		return nil
	}
	data, err := os.ReadFile(a.file(a.on.Once))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if n := bytes.Count(data, []byte("\n")); n != 1 {
		return fmt.Errorf("the work was done %d times, says %s; it must be done once", n, a.on.Once)
	}
	return nil
}

// beat waits until the heartbeat has grown, or does nothing if there is none.
func (a *attempt) beat(ctx context.Context) error {
	if a.on.Heartbeat == "" {
		return nil
	}
	before := a.heartbeats()
	for a.heartbeats() == before {
		if !pause(ctx, 5*time.Millisecond) {
			return fmt.Errorf("%s does not grow: is the work going on? %w", a.on.Heartbeat, context.Cause(ctx))
		}
	}
	return nil
}

// still checks that the heartbeat has stopped.
func (a *attempt) still(ctx context.Context) error {
	if a.on.Heartbeat == "" {
		return nil
	}
	before := a.heartbeats()
	pause(ctx, a.kit.options.Quiet)
	if after := a.heartbeats(); after != before {
		return fmt.Errorf("something of it is still running: %s grew from %d to %d bytes", a.on.Heartbeat, before, after)
	}
	return nil
}

func (a *attempt) heartbeats() int64 {
	info, err := os.Stat(a.file(a.on.Heartbeat))
	if err != nil {
		return 0
	}
	return info.Size()
}

// pause reports whether ctx is still alive after d.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
