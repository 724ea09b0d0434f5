package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
)

// builtStep is an attempt to build, and what it said.
type builtStep struct {
	*recording
	mu      sync.Mutex
	outputs map[string]string
	told    chan struct{} // closed at the next word of progress
	result  sdk.Result
	err     error
}

func (s *builtStep) SetOutput(name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outputs[name] = value
	return nil
}

func (s *builtStep) Progress(message string, percent int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.told)
	s.told = make(chan struct{})
	return s.recording.Progress(message, percent)
}

// awaitProgress waits until the text is part of a word of progress.
func (s *builtStep) awaitProgress(t *testing.T, text string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		s.mu.Lock()
		found, told := strings.Contains(strings.Join(s.progress, "\n"), text), s.told
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-told:
		case <-limit:
			t.Fatalf("%q never came; there is %q", text, s.progress)
		}
	}
}

// name is one for an image that this test may have; what gets it is removed at the
// test's end.
func (b *bench) name(tags ...string) string {
	b.t.Helper()
	repository := "patchbay-test/build-" + uuid.NewString()[:13]
	b.forget(repository)
	if len(tags) == 0 {
		return repository
	}
	return repository + ":" + tags[0]
}

// forget removes all of a repository's images at the test's end.
func (b *bench) forget(repository string) {
	b.t.Cleanup(func() {
		api := b.connector.engine.api
		list, err := api.ImageList(context.Background(), image.ListOptions{})
		if err != nil {
			b.t.Error(err)
		}
		for _, found := range list {
			for _, tag := range found.RepoTags {
				if strings.HasPrefix(tag, repository+":") {
					_, _ = api.ImageRemove(context.Background(), tag, image.RemoveOptions{PruneChildren: true})
				}
			}
		}
	})
}

// put writes files into the workspace.
func (b *bench) put(files map[string]string) {
	b.t.Helper()
	for name, content := range files {
		path := filepath.Join(b.workspace, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// toBuild makes the request of a new attempt of a build.
func (b *bench) toBuild(config map[string]any, secrets map[string]string) sdk.RunRequest {
	b.t.Helper()
	data, err := json.Marshal(config)
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.request(map[string]any{})
	r.Step.Action, r.Step.Config, r.Step.Secrets = "build", data, secrets
	return r
}

// begin begins a build or joins it; its end comes on the channel.
func (b *bench) begin(client *sdk.Client, r sdk.RunRequest) (*sdk.RunningStep, *builtStep, <-chan struct{}) {
	b.t.Helper()
	return b.beginWith(b.t.Context(), client, r)
}

// beginWith does so until ctx is done: then it lets go of the build.
func (b *bench) beginWith(ctx context.Context, client *sdk.Client, r sdk.RunRequest) (*sdk.RunningStep, *builtStep, <-chan struct{}) {
	b.t.Helper()
	step := &builtStep{recording: newRecording(r.Offsets), outputs: map[string]string{}, told: make(chan struct{})}
	running, err := client.RunStep(ctx, r)
	if err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		step.result, step.err = running.Wait(step)
	}()
	return running, step, ended
}

// buildIt builds to the end.
func (b *bench) buildIt(config map[string]any) *builtStep {
	b.t.Helper()
	return b.buildWith(config, nil)
}

func (b *bench) buildWith(config map[string]any, secrets map[string]string) *builtStep {
	b.t.Helper()
	_, step, ended := b.begin(b.client, b.toBuild(config, secrets))
	<-ended
	return step
}

// succeeded fails the test unless the build went well.
func (s *builtStep) succeeded(t *testing.T) {
	t.Helper()
	if s.err != nil || s.result.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("got %+v, %v; it said\n%s", s.result, s.err, s.stdout.String())
	}
}

// says runs an image and returns what it prints.
func (b *bench) says(image string, command ...string) string {
	b.t.Helper()
	r := b.request(map[string]any{"image": image, "command": command, "pull": "never"})
	_, said, err := b.run(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.destroy(r)
	return said.stdout.String()
}
