package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// TestMain makes the test binary a keeper or a connector, as the real one is.
func TestMain(m *testing.M) {
	if os.Getenv(keeperEnv) != "" {
		os.Exit(keep(os.Stdin, os.Stdout))
	}
	cookie := sdk.Handshake()
	if os.Getenv(cookie.MagicCookieKey) == cookie.MagicCookieValue {
		sdk.Serve(newConnector(os.Getenv))
		return
	}
	os.Exit(m.Run())
}

// bench is a connector behind a real gRPC connection, a workspace, and a folder that an
// operator allows.
type bench struct {
	t                          *testing.T
	client                     *sdk.Client
	workspace, deploy, allowed string
}

func newBench(t *testing.T, settings ...string) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{t: t, workspace: filepath.Join(root, "work"), deploy: filepath.Join(root, "deploy"), allowed: filepath.Join(root, "www")}
	for _, folder := range []string{b.workspace, b.deploy, b.allowed} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	set := map[string]string{settingRoots: b.allowed}
	for i := 0; i < len(settings); i += 2 {
		set[settings[i]] = settings[i+1]
	}
	target := sdktest.InMemory(newConnector(func(name string) string { return set[name] }))
	client, err := target.Launch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	b.client = client
	return b
}

// write puts a file into the workspace.
func (b *bench) write(name, content string) {
	b.t.Helper()
	name = filepath.Join(b.workspace, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

type config = map[string]any

// attempt runs a step, of an attempt's ID.
func (b *bench) attempt(id, action string, c config) (*recording, sdk.Result, error) {
	b.t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		b.t.Fatal(err)
	}
	said := &recording{}
	running, err := b.client.RunStep(b.t.Context(), sdk.RunRequest{Step: sdk.Step{AttemptID: id, Action: action, Config: data,
		Secrets: map[string]string{"TOKEN": "hush"}, Workspace: sdk.Workspace{Path: b.workspace, DeployPath: b.deploy}}})
	if err != nil {
		b.t.Fatal(err)
	}
	result, err := running.Wait(said)
	return said, result, err
}

// release makes one, and an instance of it.
func (b *bench) release(action string, c config) sdk.Instance {
	b.t.Helper()
	id := uuid.NewString()
	said, result, err := b.attempt(id, action, c)
	if err != nil || result.Outcome != sdk.OutcomeSucceeded || said.release == nil {
		b.t.Fatalf("%+v, %v", result, err)
	}
	r := said.release
	i := sdk.Instance{ID: uuid.NewString(), Action: action, Service: r.Service, ReleaseID: id, Spec: r.Spec, DeployPath: b.deploy, Environment: r.Environment}
	b.t.Cleanup(func() { b.remove(i) })
	return i
}

func (b *bench) remove(i sdk.Instance) {
	ctx := context.Background()
	if err := b.client.StopInstance(ctx, sdk.StopInstanceRequest{Instance: i}); err != nil {
		b.t.Error(err)
	}
	if err := b.client.RemoveRelease(ctx, sdk.RemoveReleaseRequest{Action: i.Action, Service: i.Service, ReleaseID: i.ReleaseID, Spec: i.Spec, DeployPath: i.DeployPath}); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) start(i sdk.Instance) {
	b.t.Helper()
	if err := b.client.StartInstance(b.t.Context(), sdk.StartInstanceRequest{Instance: i, Secrets: map[string]string{"TOKEN": "hush"}}); err != nil {
		b.t.Fatal(err)
	}
}

// goLive starts and activates.
func (b *bench) goLive(i sdk.Instance) {
	b.t.Helper()
	b.start(i)
	if _, err := b.client.ActivateInstance(b.t.Context(), sdk.ActivateInstanceRequest{Instance: i}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) stop(i sdk.Instance, grace time.Duration) {
	b.t.Helper()
	if err := b.client.StopInstance(b.t.Context(), sdk.StopInstanceRequest{Instance: i, Grace: grace}); err != nil {
		b.t.Fatal(err)
	}
}

// state waits for a state, by being told.
func (b *bench) state(i sdk.Instance, want sdk.InstanceState) sdk.InstanceStatus {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	var found sdk.InstanceStatus
	err := b.client.WatchInstance(ctx, sdk.WatchInstanceRequest{Instance: i}, func(s sdk.InstanceStatus) error {
		if found = s; s.State == want {
			cancel()
		}
		return nil
	})
	if found.State != want {
		b.t.Fatalf("it is %+v (%v), want %s", found, err, want)
	}
	return found
}

// logs returns what an instance printed; following ends when it has.
func (b *bench) logs(i sdk.Instance, tail int, follow bool) (stdout, stderr string) {
	b.t.Helper()
	var out, errs bytes.Buffer
	if err := b.client.InstanceLogs(b.t.Context(), sdk.InstanceLogsRequest{Instance: i, Tail: tail, Follow: follow}, &out, &errs); err != nil {
		b.t.Fatal(err)
	}
	return out.String(), errs.String()
}

// recording keeps the release an attempt makes.
type recording struct{ release *sdk.Release }

func (*recording) Output(sdk.OutputChunk) error   { return nil }
func (*recording) Progress(string, int) error     { return nil }
func (*recording) State([]byte) error             { return nil }
func (*recording) SetOutput(string, string) error { return nil }
func (r *recording) Release(release sdk.Release) error {
	r.release = &release
	return nil
}
