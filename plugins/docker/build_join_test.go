package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
)

// slowly is a Dockerfile that builds a layer, says so, and then goes on for as long as
// the seconds last. It is like no other, so that nothing of it is in the cache.
func slowly(image, seconds string) string {
	return "FROM " + image + "\nRUN echo " + uuid.NewString() + " >/mark\nRUN echo first layer done; sleep " + seconds + "; echo slept\n"
}

// madeBy returns what a build noted: the containers and images that it made.
func madeBy(t *testing.T, r sdk.RunRequest) (containers, images []string) {
	t.Helper()
	for _, line := range (journal{r.Step.Workspace.AttemptPath}).remains() {
		if id, found := strings.CutPrefix(line, noteContainer); found {
			containers = append(containers, id)
		} else if id, found := strings.CutPrefix(line, noteImage); found {
			images = append(images, id)
		}
	}
	return containers, images
}

// gone checks that the Engine has none of these, or all images.
func (b *bench) gone(containers, images []string) {
	b.t.Helper()
	if len(containers) == 0 || len(images) == 0 {
		b.t.Fatalf("nothing was made: %v, %v", containers, images)
	}
	for _, id := range containers {
		if _, err := b.connector.engine.api.ContainerInspect(b.t.Context(), id); !errdefs.IsNotFound(err) {
			b.t.Errorf("the container %s is left: %v", id, err)
		}
	}
	for _, id := range images {
		if _, err := b.connector.engine.api.ImageInspect(b.t.Context(), id); !errdefs.IsNotFound(err) {
			b.t.Errorf("the image %s is left: %v", id, err)
		}
	}
}

func TestCancelledBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	name := b.name("1")
	r := b.toBuild(map[string]any{"tags": name, "dockerfile_inline": slowly(b.image, "600")}, nil)
	running, step, ended := b.begin(b.client, r)
	step.awaitOutput(t, "first layer done\n")
	if err := running.Cancel(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	<-ended
	if step.err != nil || step.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v, %v", step.result, step.err)
	}
	b.gone(madeBy(t, r))
	_, again, ended := b.begin(b.client, step.again(r))
	<-ended
	if again.result.Outcome != sdk.OutcomeCancelled || again.stdout.Len() != 0 {
		t.Errorf("joined again: got %+v, %v, %q", again.result, again.err, again.stdout.String())
	}
	if _, err := b.connector.engine.api.ImageInspect(t.Context(), name); !errdefs.IsNotFound(err) {
		t.Errorf("the image is there: %v", err)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.toBuild(map[string]any{"dockerfile_inline": "FROM " + b.image + "\nRUN echo " + uuid.NewString() + "\nRUN exit 3\n"}, nil)
	_, step, ended := b.begin(b.client, r)
	<-ended
	if step.result.Outcome != sdk.OutcomeFailed {
		t.Fatalf("got %+v, %v", step.result, step.err)
	}
	b.gone(madeBy(t, r))
}

// TestWhatASuccessLeaves looks at an image without a name, which is there until the
// run has ended, and at one with a name, which stays.
func TestWhatASuccessLeaves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dockerfile := "FROM " + b.image + "\nRUN echo " + uuid.NewString() + "\nRUN echo 2\n"
	unnamed := b.toBuild(map[string]any{"dockerfile_inline": dockerfile}, nil)
	_, step, ended := b.begin(b.client, unnamed)
	<-ended
	step.succeeded(t)
	if err := b.connector.PostExecute(t.Context(), sdk.PostExecuteRequest{Attempt: sdk.AttemptRef{
		AttemptID: unnamed.Step.AttemptID, Action: "build", Workspace: unnamed.Step.Workspace}}); err != nil {
		t.Fatal(err)
	}
	if got := b.says(step.outputs["image_id"], "echo", "here"); got != "here\n" {
		t.Errorf("after PostExecute: %q", got)
	}
	named := b.toBuild(map[string]any{"dockerfile_inline": dockerfile, "image": b.name()}, nil)
	_, second, ended := b.begin(b.client, named)
	<-ended
	second.succeeded(t)
	b.destroy(unnamed)
	b.destroy(named)
	if _, err := b.connector.engine.api.ImageInspect(t.Context(), second.outputs["image"]); err != nil {
		t.Errorf("DestroyStep took the named image: %v", err)
	}
	alone := b.toBuild(map[string]any{"dockerfile_inline": slowly(b.image, "0")}, nil)
	_, third, ended := b.begin(b.client, alone)
	<-ended
	third.succeeded(t)
	b.destroy(alone)
	_, images := madeBy(t, alone)
	b.gone([]string{"0123456789ab"}, images)
}

// TestKilledConnectorDuringABuild kills the process that builds. The Engine breaks the
// build off; whoever joins builds again, and the output goes on where it was.
func TestKilledConnectorDuringABuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := launch(t)
	r := b.toBuild(map[string]any{"image": b.name(), "dockerfile_inline": slowly(b.image, "3")}, nil)
	_, before, ended := b.begin(first.client, r)
	before.awaitOutput(t, "first layer done\n")
	containers, _ := madeBy(t, r)
	first.process.Kill()
	if <-ended; !errors.Is(before.err, sdk.ErrGone) {
		t.Fatalf("got %+v, %v", before.result, before.err)
	}
	rest := before.again(r)
	if len(rest.State) == 0 {
		t.Error("no state was saved")
	}
	_, after, ended := b.begin(launch(t).client, rest)
	<-ended
	after.succeeded(t)
	whole := before.stdout.String() + after.stdout.String()
	for text, times := range map[string]int{"it begins again": 1, "Using cache": 1, "\nslept\n": 1, "Successfully built": 1} {
		if n := strings.Count(whole, text); n != times {
			t.Errorf("%q is said %d times, want %d:\n%s", text, n, times, whole)
		}
	}
	_, replay, ended := b.begin(b.client, r)
	<-ended
	replay.succeeded(t)
	if replay.stdout.String() != whole || replay.outputs["image_id"] != after.outputs["image_id"] {
		t.Errorf("a replay says\n%s\nand not\n%s", replay.stdout.String(), whole)
	}
	b.gone(containers, []string{"0123456789ab"})
}

// TestDetachedBuild lets go of a build, which goes on, and joins it from two processes.
func TestDetachedBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.toBuild(map[string]any{"image": b.name(), "dockerfile_inline": slowly(b.image, "2")}, nil)
	ctx, detach := context.WithCancel(t.Context())
	_, before, ended := b.beginWith(ctx, b.client, r)
	before.awaitOutput(t, "first layer done\n")
	detach()
	<-ended
	_, here, endedHere := b.begin(b.client, before.again(r))
	_, there, endedThere := b.begin(launch(t).client, r)
	<-endedHere
	<-endedThere
	here.succeeded(t)
	there.succeeded(t)
	whole := there.stdout.String()
	if before.stdout.String()+here.stdout.String() != whole || strings.Contains(whole, "it begins again") || strings.Count(whole, "\nslept\n") != 1 {
		t.Errorf("it says\n%s", whole)
	}
}

// TestCancelFromAnotherProcess is a connector that was replaced in the middle.
func TestCancelFromAnotherProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.toBuild(map[string]any{"dockerfile_inline": slowly(b.image, "600")}, nil)
	_, first, firstEnded := b.begin(b.client, r)
	first.awaitOutput(t, "first layer done\n")
	running, second, secondEnded := b.begin(launch(t).client, first.again(r))
	if err := running.Cancel(0); err != nil {
		t.Fatal(err)
	}
	<-firstEnded
	<-secondEnded
	for _, step := range []*builtStep{first, second} {
		if step.err != nil || step.result.Outcome != sdk.OutcomeCancelled {
			t.Errorf("got %+v, %v", step.result, step.err)
		}
	}
	b.gone(madeBy(t, r))
}

// TestDestroyDuringABuild is a host that has given up on it.
func TestDestroyDuringABuild(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, b *bench) *sdk.Client{
		"in this process": func(_ *testing.T, b *bench) *sdk.Client { return b.client },
		"in another":      func(t *testing.T, _ *bench) *sdk.Client { return launch(t).client },
	}
	for name, client := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.toBuild(map[string]any{"dockerfile_inline": slowly(b.image, "600")}, nil)
			_, step, ended := b.begin(client(t, b), r)
			step.awaitOutput(t, "first layer done\n")
			b.destroy(r)
			<-ended
			b.gone(madeBy(t, r))
			b.destroy(r)
		})
	}
}

func TestLostBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.toBuild(map[string]any{"dockerfile_inline": "FROM " + b.image + "\n"}, nil)
	_, step, ended := b.begin(b.client, r)
	<-ended
	step.succeeded(t)
	entries, err := filepath.Glob(filepath.Join(r.Step.Workspace.AttemptPath, "build.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range entries {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, again, ended := b.begin(b.client, step.again(r)); true {
		if <-ended; sdk.ClassOf(again.err) != sdk.ClassLost {
			t.Errorf("got %+v, %v", again.result, again.err)
		}
	}
}

// TestRemainsAreLookedAt has a Dockerfile print what the builder prints of a container
// and an image of its own, with the IDs of others.
func TestRemainsAreLookedAt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := b.request(map[string]any{"command": "true"})
	if _, _, err := b.run(other); err != nil {
		t.Fatal(err)
	}
	victim := b.containers(other.Step.AttemptID)[0].ID
	found, err := b.connector.engine.api.ImageInspect(context.Background(), b.image)
	if err != nil {
		t.Fatal(err)
	}
	script := "RUN echo ' ---> Running in " + victim[:12] + "'\nRUN echo ' ---> " + strings.TrimPrefix(found.ID, "sha256:")[:12] + "'\nRUN exit 1\n"
	r := b.toBuild(map[string]any{"dockerfile_inline": "FROM " + b.image + "\n" + script, "no_cache": true}, nil)
	_, _, ended := b.begin(b.client, r)
	<-ended
	b.destroy(r)
	if len(b.containers(other.Step.AttemptID)) != 1 {
		t.Error("the other step's container is gone")
	}
	if _, err := b.connector.engine.api.ImageInspect(context.Background(), b.image); err != nil {
		t.Errorf("the image is gone: %v", err)
	}
}
