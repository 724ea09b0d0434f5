package main

import (
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
)

// These change the process's environment, so they run alone.

func TestNoEngine(t *testing.T) {
	cases := map[string]struct{ host, says string }{
		"nobody there": {"unix:///nonexistent/docker.sock", "cannot be reached"},
		"refused":      {"tcp://127.0.0.1:1", "cannot be reached"},
		"no address":   {"nonsense", "settings"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", c.host)
			client := serve(t, newConnector())
			if _, err := client.Describe(t.Context()); err != nil {
				t.Errorf("Describe needs no Engine: %v", err)
			}
			check, err := client.Check(t.Context())
			if err != nil || check.OK || !strings.Contains(check.Message, c.says) || !strings.Contains(check.Message, "DOCKER_HOST") {
				t.Errorf("Check: %+v, %v", check, err)
			}
			running, err := client.RunStep(t.Context(), sdk.RunRequest{Step: sdk.Step{AttemptID: "a",
				Config: []byte(`{"image":"x","command":"true"}`), Workspace: sdk.Workspace{Path: t.TempDir(), AttemptPath: t.TempDir()}}})
			if err == nil {
				_, err = running.Wait(newRecording(sdk.Offsets{}))
			}
			if sdk.ClassOf(err) != sdk.ClassExternalService || !strings.Contains(err.Error(), c.says) {
				t.Errorf("RunStep: %v", err)
			}
			if err := client.DestroyStep(t.Context(), sdk.DestroyRequest{Attempts: []sdk.AttemptRef{{AttemptID: "a"}}}); err == nil {
				t.Error("DestroyStep cannot know that nothing is left")
			}
		})
	}
}
