package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// httpd serves a file that says which version it is.
const httpd = "mkdir -p /tmp/www && echo $VERSION >/tmp/www/version && echo up $TOKEN && exec httpd -f -p 80 -h /tmp/www"

// releases keeps the release of an attempt besides what a recording does.
type releases struct {
	*recording
	release *sdk.Release
}

// Release implements sdk.ReleaseEvents.
func (r *releases) Release(release sdk.Release) error {
	r.release = &release
	return nil
}

// deployed makes a release, and an instance of it with ports of this machine.
func (b *bench) deployed(config map[string]any) sdk.Instance {
	b.t.Helper()
	r := b.request(config)
	r.Step.Action = deployActionName
	r.Step.Secrets = map[string]string{"TOKEN": "hush"}
	said := &releases{recording: newRecording(r.Offsets)}
	running, err := b.client.RunStep(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	if result, err := running.Wait(said); err != nil || result.Outcome != sdk.OutcomeSucceeded || said.release == nil {
		b.t.Fatalf("%+v, %v", result, err)
	}
	i := sdk.Instance{ID: uuid.NewString(), Action: deployActionName, Service: said.release.Service, ReleaseID: r.Step.AttemptID, Version: said.release.Version,
		Spec: said.release.Spec, Environment: said.release.Environment}
	for _, p := range said.release.Ports {
		leased := sdk.LeasedPort{Name: p.Name, Address: "127.0.0.1", Port: p.Port}
		if p.Port == 0 {
			leased.Port = freePort(b.t)
		}
		i.Ports = append(i.Ports, leased)
	}
	b.t.Cleanup(func() {
		ctx := context.Background()
		if err := b.client.StopInstance(ctx, sdk.StopInstanceRequest{Instance: i}); err != nil {
			b.t.Error(err)
		}
		for range 2 {
			if err := b.client.RemoveRelease(ctx, sdk.RemoveReleaseRequest{Action: i.Action, Service: i.Service, ReleaseID: i.ReleaseID, Spec: i.Spec}); err != nil {
				b.t.Error(err)
			}
		}
		if left, err := b.connector.engine.list(ctx, labelInstance+"="+i.ID); err != nil || len(left) > 0 {
			b.t.Errorf("left over: %v, %v", left, err)
		}
		if id, err := b.connector.findReleaseImage(ctx, i.ReleaseID); err != nil || id != "" {
			b.t.Errorf("the image's name is left: %s, %v", id, err)
		}
	})
	return i
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (b *bench) startService(i sdk.Instance) {
	b.t.Helper()
	if err := b.client.StartInstance(b.t.Context(), sdk.StartInstanceRequest{Instance: i, Secrets: map[string]string{"TOKEN": "hush"}}); err != nil {
		b.t.Fatal(err)
	}
}

// answer asks a service until it answers.
func (b *bench) answer(i sdk.Instance) string {
	b.t.Helper()
	url := "http://127.0.0.1:" + strconv.Itoa(i.Ports[0].Port) + "/version"
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(url)
		if err == nil {
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err == nil && response.StatusCode == http.StatusOK {
				return strings.TrimSpace(string(text))
			}
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s does not answer: %v", url, err)
		}
	}
}

func TestDeployLife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i := b.deployed(map[string]any{"service_name": "web", "ports": []any{80}, "command": httpd,
		"environment": map[string]string{"VERSION": "1"}, "service_secrets": []string{"TOKEN"}})
	b.startService(i)
	b.startService(i)
	if got := b.answer(i); got != "1" {
		t.Errorf("it says %q", got)
	}
	for _, check := range []struct {
		command, message string
		healthy          bool
	}{{"cat /tmp/www/version", "1", true}, {"echo no >&2; exit 3", "exit code 3: no", false}} {
		got, err := b.client.CheckInstance(t.Context(), sdk.CheckInstanceRequest{Instance: i, Argv: []string{"sh", "-c", check.command}, Timeout: time.Minute})
		if diff := cmp.Diff(sdk.HealthResult{Healthy: check.healthy, Message: check.message}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	if err := b.connector.engine.api.ContainerKill(t.Context(), instanceName(i.ID), "SIGKILL"); err != nil {
		t.Fatal(err)
	}
	b.serviceState(i, sdk.InstanceExited)
	b.startService(i)
	if got := b.answer(i); got != "1" {
		t.Errorf("started again, it says %q", got)
	}
	for range 2 {
		if err := b.client.StopInstance(t.Context(), sdk.StopInstanceRequest{Instance: i}); err != nil {
			t.Fatal(err)
		}
		b.serviceState(i, sdk.InstanceAbsent)
	}
	var out bytes.Buffer
	if err := b.client.InstanceLogs(t.Context(), sdk.InstanceLogsRequest{Instance: i}, &out, &out); err != nil || out.String() != "up hush\nup hush\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// serviceState waits until it is told of a state.
func (b *bench) serviceState(i sdk.Instance, want sdk.InstanceState) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	var found sdk.InstanceStatus
	_ = b.client.WatchInstance(ctx, sdk.WatchInstanceRequest{Instance: i}, func(s sdk.InstanceStatus) error {
		if found = s; s.State == want {
			cancel()
		}
		return nil
	})
	if found.State != want {
		b.t.Fatalf("it is %+v, want %s", found, want)
	}
}

func TestServicePorts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`80`: `"0:80/tcp"`, `"80"`: `"0:80/tcp"`, `"8080:80"`: `"8080:80/tcp"`, `"0.0.0.0:8080:80/udp"`: `"[0.0.0.0]:8080:80/udp"`, `"[::1]::80"`: `"[::1]:0:80/tcp"`,
		`"x"`: "", `0`: "", `"80/icmp"`: "", `"nohost:1:2"`: "", `70000`: "", `"1:2:3"`: "", `""`: "",
	} {
		var p servicePort
		err := json.Unmarshal([]byte(text), &p)
		got, _ := json.Marshal(p)
		if want == "" && err == nil || want != "" && (err != nil || string(got) != want) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
		var again servicePort
		if want != "" && (json.Unmarshal(got, &again) != nil || again != p) {
			t.Errorf("%s is read back as %+v", got, again)
		}
	}
}

// TestDeployConformance has the kit deploy in a process that it kills.
func TestDeployConformance(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"image": b.ownImage(), "service_name": "kit", "command": httpd, "ports": []any{80}})
	if err != nil {
		t.Fatal(err)
	}
	sdktest.RunTarget(t, sdktest.Program(self), sdktest.Options{Cases: []sdktest.Case{{Name: "service", Action: deployActionName, Config: config}}})
}

// ownImage makes an image that no other test has, and leaves none of its names: the kit does
// not remove the releases of attempts that it only joins.
func (b *bench) ownImage() string {
	b.t.Helper()
	api, name := b.connector.engine.api, "patchbay-test/own:"+uuid.NewString()
	made, err := api.ContainerCreate(b.t.Context(), &container.Config{Image: b.image, Labels: map[string]string{"own": name}}, nil, nil, nil, "")
	if err != nil {
		b.t.Fatal(err)
	}
	committed, err := api.ContainerCommit(b.t.Context(), made.ID, container.CommitOptions{Reference: name})
	if err := errors.Join(err, b.connector.engine.remove(b.t.Context(), made.ID)); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if _, err := api.ImageRemove(context.Background(), committed.ID, image.RemoveOptions{Force: true}); err != nil {
			b.t.Error(err)
		}
	})
	return name
}
