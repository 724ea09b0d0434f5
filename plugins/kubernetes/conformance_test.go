package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// TestConformance has the kit check the connector in a process of its own, which it
// also kills. It runs alone, since the kit has limits of time, which are wide here: a node
// that also has other work takes its time with each pod.
func TestConformance(t *testing.T) {
	b := newBench(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := func(script string, hostPath bool) json.RawMessage {
		data, err := json.Marshal(map[string]any{"image": b.image, "namespace": b.namespace, "image_pull_policy": "Never",
			"script": script, "parameters": map[string]any{"use_hostpath": hostPath}})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	sdktest.RunTarget(t, sdktest.Program(self), sdktest.Options{Patience: 2 * time.Minute, Cases: []sdktest.Case{
		{Name: "copies", Once: "runs", Files: map[string]string{"greeting": "hello\n"},
			Config: config("echo ran >>runs; cat greeting; echo a=b >>$PATCHBAY_OUTPUT; exit 3", false),
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed, ExitCode: sdktest.Code(3),
				Stdout: sdktest.Text("hello\n"), Outputs: map[string]string{"a": "b"}}},
		{Name: "says much", Config: config("yes 0123456789012345678901234567890123456789 | head -n 8000; echo; printf 'x%.0s' $(seq 40000); echo", true),
			Expect: sdktest.Expectation{Stdout: sdktest.Text(strings.Repeat("0123456789012345678901234567890123456789\n", 8000) + "\n" + strings.Repeat("x", 40000) + "\n")}},
		{Name: "goes on", Endless: true, Heartbeat: "beats",
			Config: config("echo started; while :; do echo >>beats; sleep 0.1; done", true)},
	}})
}
