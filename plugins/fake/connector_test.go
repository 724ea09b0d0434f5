package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// TestMain serves the connector when the kit launches the test binary as one.
func TestMain(m *testing.M) {
	if os.Getenv(serviceEnv) != "" {
		serveInstance()
	}
	if cookie := sdk.Handshake(); os.Getenv(cookie.MagicCookieKey) == cookie.MagicCookieValue {
		main()
		return
	}
	os.Exit(m.Run())
}

func lines(n int) *string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return sdktest.Text(b.String())
}

// TestConformance: where it does not misbehave, it keeps to the protocol, and the
// crashes it makes lose and double nothing.
func TestConformance(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sdktest.RunTarget(t, sdktest.Program(self), sdktest.Options{Quiet: 10 * time.Millisecond, Cases: []sdktest.Case{
		{Name: "echo", Once: "runs", Config: json.RawMessage(`{"text":"hi","lines":2,"stderr":true,"exit_code":3,"outputs":{"a":"b"},"once":"runs"}`),
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed, ExitCode: sdktest.Code(3),
				Stderr: sdktest.Text("hi 1\nhi 2\n"), Outputs: map[string]string{"a": "b"}}},
		{Name: "flood", Action: "flood", Config: json.RawMessage(`{"bytes":1000000,"binary":true}`)},
		{Name: "lines", Action: "flood", Config: json.RawMessage(`{"bytes":60,"line_length":30}`),
			Expect: sdktest.Expectation{Stdout: sdktest.Text("abcdefghijklmnopqrstuvwxyzabc\nefghijklmnopqrstuvwxyzabcdefg\n")}},
		{Name: "slow", Action: "slow", Config: json.RawMessage(`{"duration_ms":50}`)},
		{Name: "progress", Action: "progress"},
		{Name: "deploy", Action: "deploy", Config: json.RawMessage(`{"service_name":"web","version":"1","says":"hello"}`),
			Expect: sdktest.Expectation{Stdout: sdktest.Text("released web\n")}},
		{Name: "hang", Action: "hang", Endless: true},
	}})
}

// attempt is one attempt with a host that calls again after each crash.
type attempt struct {
	t       *testing.T
	program sdktest.Killer
	request sdk.RunRequest
	stdout  strings.Builder
	state   string
}

func newAttempt(t *testing.T, action, config string) *attempt {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &attempt{t: t, program: sdktest.Program(self)}
	t.Cleanup(func() { _ = a.program.Close() })
	a.request = sdk.RunRequest{Step: sdk.Step{AttemptID: "a1", Action: action, Config: json.RawMessage(config),
		Workspace: sdk.Workspace{Path: t.TempDir(), AttemptPath: t.TempDir()}}}
	return a
}

func (a *attempt) Output(chunk sdk.OutputChunk) error { a.stdout.Write(chunk.Data); return nil }
func (a *attempt) Progress(string, int) error         { return nil }
func (a *attempt) State(state []byte) error           { a.state = string(state); return nil }
func (a *attempt) SetOutput(string, string) error     { return nil }

// run returns the result and how many calls it took.
func (a *attempt) run() (sdk.Result, int, error) {
	a.t.Helper()
	for call := 1; call < 10; call++ {
		client, err := a.program.Launch(a.t.Context())
		if err != nil {
			a.t.Fatal(err)
		}
		a.request.Offsets.Stdout = int64(a.stdout.Len())
		running, err := client.RunStep(a.t.Context(), a.request)
		var result sdk.Result
		if err == nil {
			result, err = running.Wait(a)
		}
		if !errors.Is(err, sdk.ErrGone) {
			return result, call, err
		}
		_ = a.program.Kill() // it is on its way out: wait for that
	}
	a.t.Fatal("it crashed at each call")
	return sdk.Result{}, 0, nil
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		calls  int
	}{
		"before output": {`{"at":"before_output"}`, 2},
		"after lines":   {`{"at":"after_lines","after":7,"times":2}`, 3},
		"before result": {`{"at":"before_result"}`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAttempt(t, "crash", c.config)
			result, calls, err := a.run()
			if err != nil || result.Outcome != sdk.OutcomeSucceeded || calls != c.calls {
				t.Errorf("%+v after %d calls, %v", result, calls, err)
			}
			if diff := cmp.Diff(*lines(10), a.stdout.String()); diff != "" {
				t.Error(diff)
			}
			if want := fmt.Sprint("call ", c.calls); a.state != want {
				t.Errorf("state is %q, want %q", a.state, want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for action, c := range map[string]struct {
		config string
		class  sdk.ErrorClass
		calls  int
	}{
		"error": {`{"class":"authentication","message":"no"}`, sdk.ClassAuthentication, 1},
		"lost":  {`{}`, sdk.ClassLost, 2},
		"panic": {`{}`, sdk.ClassInternal, 1},
		"echo":  {`{"lines":-1}`, sdk.ClassInvalidConfig, 1},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			_, calls, err := newAttempt(t, action, c.config).run()
			if sdk.ClassOf(err) != c.class || calls != c.calls {
				t.Errorf("%v after %d calls, want %s after %d", err, calls, c.class, c.calls)
			}
		})
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	a := newAttempt(t, "echo", `{}`)
	journal := filepath.Join(t.TempDir(), "journal")
	a.request.Step.Environment = map[string]string{journalEnv: journal}
	client, err := a.program.Launch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ref := sdk.AttemptRef{AttemptID: "a1", Workspace: a.request.Step.Workspace}
	for _, call := range []func() error{
		func() error { return client.PreExecute(t.Context(), sdk.PreExecuteRequest{Step: a.request.Step}) },
		func() error { _, _, err := a.run(); return err },
		func() error { return client.PostExecute(t.Context(), sdk.PostExecuteRequest{Attempt: ref}) },
		func() error {
			return client.DestroyStep(t.Context(), sdk.DestroyRequest{Attempts: []sdk.AttemptRef{ref}})
		},
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	want := "PreExecute a1\nRunStep a1\nPostExecute a1\nDestroyStep a1\n"
	if diff := cmp.Diff(want, string(content)); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	t.Setenv(checkEnv, "closed today")
	result, err := newConnector().Check(context.Background(), sdk.CheckRequest{})
	if err != nil || result.OK || result.Message != "closed today" {
		t.Errorf("%+v, %v", result, err)
	}
}
