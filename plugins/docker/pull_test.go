package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestPull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("the test's registry has an image for amd64 only")
	}
	r := newRegistry(t)
	ref := r.host + "/tool:1"
	t.Cleanup(func() {
		_, _ = b.connector.engine.api.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true})
	})

	// Three steps want it at the same time: one pull.
	const steps = 3
	var said []*recording
	var ends []<-chan outcome
	for range steps {
		_, recorded, ended := b.start(b.client, b.request(map[string]any{"image": ref, "command": "echo pulled"}))
		said, ends = append(said, recorded), append(ends, ended)
	}
	<-r.asked
	for b.connector.pulls.waiting(ref) < steps {
		runtime.Gosched()
	}
	close(r.allow)
	for i, ended := range ends {
		end := <-ended
		if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded || said[i].stdout.String() != "pulled\n" {
			t.Errorf("got %+v, %q, %v", end.result, said[i].stdout.String(), end.err)
		}
		if len(said[i].progress) == 0 || !strings.HasPrefix(said[i].progress[0], "pulling "+ref) {
			t.Errorf("progress: %q", said[i].progress)
		}
	}
	if n := len(r.asked); n != 0 {
		t.Errorf("the layer was asked for %d times more", n)
	}
	t.Run("always", func(t *testing.T) {
		_, recorded, err := b.run(b.request(map[string]any{"image": ref, "command": "true", "pull": "always"}))
		if err != nil || len(recorded.progress) == 0 {
			t.Errorf("progress %q, %v", recorded.progress, err)
		}
	})
	t.Run("missing", func(t *testing.T) {
		_, recorded, err := b.run(b.request(map[string]any{"image": ref, "command": "true"}))
		if err != nil || len(recorded.progress) != 0 {
			t.Errorf("progress %q, %v", recorded.progress, err)
		}
	})
}

// waiting says how many wait for an image.
func (p *puller) waiting(ref string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.flights[wantedImage{ref: ref}]; f != nil {
		return f.waiters
	}
	return 0
}

func TestCancelWhilePulling(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := newRegistry(t)
	running, _, ended := b.start(b.client, b.request(map[string]any{"image": r.host + "/tool:1", "command": "true"}))
	<-r.asked
	if err := running.Cancel(long); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	if n := b.connector.pulls.waiting(r.host + "/tool:1"); n != 0 {
		t.Errorf("%d still wait for the image", n)
	}
}

func TestPullErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := newRegistry(t).host
	for ref, class := range map[string]sdk.ErrorClass{
		host + "/tool:none": sdk.ClassNotFound,
		host + "/private/x": sdk.ClassAuthentication,
		"127.0.0.1:1/x":     sdk.ClassExternalService,
	} {
		t.Run(ref, func(t *testing.T) {
			t.Parallel()
			_, _, err := b.run(b.request(map[string]any{"image": ref, "command": "true"}))
			var problem *sdk.Error
			if !errors.As(err, &problem) || problem.Class != class || problem.Suggestion == "" {
				t.Errorf("got %s, %v", sdk.ClassOf(err), err)
			}
		})
	}
}

func TestPullErrorsOfTheDay(t *testing.T) {
	t.Parallel()
	e := newEngine()
	for text, class := range map[string]sdk.ErrorClass{
		"pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied": sdk.ClassNotFound,
		"unauthorized: authentication required":                                                         sdk.ClassAuthentication,
		"no matching manifest for linux/arm64/v8 in the manifest list entries":                          sdk.ClassNotFound,
		"manifest for alpine:9 not found: manifest unknown: manifest unknown":                           sdk.ClassNotFound,
		"Get \"https://registry.example.com/v2/\": dial tcp: lookup registry.example.com: no such host": sdk.ClassExternalService,
		"toomanyrequests: You have reached your pull rate limit":                                        sdk.ClassExternalService,
	} {
		if got := sdk.ClassOf(e.explainPull("x", errors.New(text))); got != class {
			t.Errorf("%s: got %s, want %s", text, got, class)
		}
	}
}

func TestPullProgress(t *testing.T) {
	t.Parallel()
	p := newPullProgress("alpine:3.20")
	const account = `{"status":"Pulling from library/alpine","id":"3.20"}
{"status":"Pulling fs layer","progressDetail":{},"id":"a"}
{"status":"Already exists","progressDetail":{},"id":"b"}
{"status":"Downloading","progressDetail":{"current":500000,"total":2000000},"id":"a"}`
	if err := p.read(strings.NewReader(account)); err != nil {
		t.Fatal(err)
	}
	p.tell()
	message, percent, _ := p.now()
	if diff := cmp.Diff("pulling alpine:3.20: 1 of 2 layers, 0.5 of 2.0 MB 25%", fmt.Sprintf("%s %d%%", message, percent)); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{`{"error":"manifest unknown"}`, `{"status":`, `nonsense`} {
		if p.read(strings.NewReader(broken)) == nil {
			t.Errorf("%s is no error", broken)
		}
	}
}
