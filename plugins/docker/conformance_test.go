package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// TestConformance has the kit check the connector in a process of its own, which
// it also kills.
func TestConformance(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := func(script string) json.RawMessage {
		data, err := json.Marshal(map[string]string{"image": b.image, "script": script})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	dockerfile := func(line string) json.RawMessage {
		data, err := json.Marshal(map[string]string{"dockerfile_inline": "FROM " + b.image + "\n" + line + "\n"})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	sdktest.RunTarget(t, sdktest.Program(self), sdktest.Options{Cases: []sdktest.Case{
		{Name: "says and fails", Once: "runs", Config: config("echo ran >>runs; echo out; printf err >&2; exit 3"),
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed, ExitCode: sdktest.Code(3),
				Stdout: sdktest.Text("out\n"), Stderr: sdktest.Text("err")}},
		{Name: "says much", Config: config("head -c 2000000 /dev/zero | tr '\\0' x"),
			Expect: sdktest.Expectation{Stdout: sdktest.Text(strings.Repeat("x", 2_000_000))}},
		{Name: "goes on", Endless: true, Heartbeat: "beats",
			Config: config("echo started; while :; do echo >>beats; sleep 0.1; done")},
		{Name: "builds", Action: "build", Config: dockerfile("RUN echo built"), Files: map[string]string{"file": "x"},
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeSucceeded}},
		{Name: "fails to build", Action: "build", Config: dockerfile("RUN sleep 1; exit 9"),
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed, ExitCode: sdktest.Code(9)}},
		{Name: "goes on building", Action: "build", Endless: true, Config: dockerfile("RUN echo started; while :; do echo on; sleep 0.1; done")},
	}})
}
