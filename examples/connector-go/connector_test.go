package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

const (
	sumOfA = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7" // of "a\n"
	sumOfB = "0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f" // of "b\n"
)

// TestConformance has the kit play the host: detach, join, double start and all.
func TestConformance(t *testing.T) {
	t.Parallel()
	sums := sumOfA + "  dist/a\n" + sumOfB + "  dist/b\n"
	files := map[string]string{"dist/a": "a\n", "dist/b": "b\n", "other": "c\n"}
	with := func(name, content string) map[string]string {
		more := map[string]string{name: content}
		for name, content := range files {
			if _, given := more[name]; !given {
				more[name] = content
			}
		}
		return more
	}
	sdktest.Run(t, newConnector(),
		sdktest.Case{Name: "write", Action: "write", Config: json.RawMessage(`{"files":["dist/*"]}`), Files: files,
			Expect: sdktest.Expectation{Stdout: &sums, Outputs: map[string]string{"files": "2"}}},
		sdktest.Case{Name: "write beside the files", Action: "write", Config: json.RawMessage(`{"files":["dist/*","dist/a"],"to":"dist/SUMS"}`),
			Files: files, Expect: sdktest.Expectation{Stdout: &sums}},
		sdktest.Case{Name: "write nothing", Action: "write", Config: json.RawMessage(`{"files":["none/*"]}`), Files: files,
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed}},
		sdktest.Case{Name: "verify", Action: "verify", Files: with("SHA256SUMS", sums),
			Expect: sdktest.Expectation{Stdout: sdktest.Text("dist/a: OK\ndist/b: OK\n")}},
		sdktest.Case{Name: "verify what changed", Action: "verify", Files: with("SHA256SUMS", strings.Replace(sums, "8742", "8743", 1)),
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed, Stdout: sdktest.Text("dist/a: FAILED\ndist/b: OK\n")}},
		sdktest.Case{Name: "verify without sums", Action: "verify", Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed}},
	)
}

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	actions := newConnector().(*sdk.Actions)
	for config, says := range map[string]string{
		`{"files":["dist/*"]}`:           "",
		`{"files":["../secret"]}`:        "/files/0: \"../secret\" is not a path within the workspace",
		`{"files":["a","["]}`:            "/files/1: \"[\" is not a glob",
		`{"files":[]}`:                   "/files: must have at least 1 items, has 0",
		`{"file":["a"],"files":["a"]}`:   "/file: unknown key \"file\"",
		`{"files":["a"],"to":1}`:         "/to: expected a text, got the number 1",
		`{"files":"dist/*","to":"SUMS"}`: "/files: expected a list, got the text \"dist/*\"",
	} {
		problems, err := actions.CheckConfig(sdk.ValidateRequest{Action: "write", Config: json.RawMessage(config)})
		got := ""
		if len(problems) > 0 {
			got = problems[0].Pointer + ": " + problems[0].Message
		}
		if err != nil || got != says {
			t.Errorf("%s: got %q, %v; want %q", config, got, err, says)
		}
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add(sumOfA + "  a\n")
	f.Add("x\n")
	f.Fuzz(func(t *testing.T, text string) {
		sums, err := parseSums(strings.NewReader(text), "SUMS")
		if err != nil {
			return
		}
		again, err := parseSums(strings.NewReader(string(format(sums))), "SUMS")
		if err != nil || len(again) != len(sums) {
			t.Errorf("%q: what was read cannot be written and read again: %v", text, err)
		}
	})
}
