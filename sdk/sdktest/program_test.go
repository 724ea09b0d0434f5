package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
	"github.com/patchbay-ci/patchbay/sdk"
)

// TestMain makes this test binary the connector that the tests launch.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		serveBare()
		return
	}
	if os.Getenv(sdk.Handshake().MagicCookieKey) != "" {
		sdk.Serve(newDiary(len(os.Args) > 1 && os.Args[1] == "forgetful"))
		return
	}
	os.Exit(m.Run())
}

type diaryConfig struct {
	Lines int  `json:"lines,omitempty" jsonschema:"minimum=0"`
	Wait  bool `json:"wait,omitempty"`
}

// diary is a connector whose work is repeatable, and done once by a mark on disk.
// A forgetful one does it again.
func newDiary(forgetful bool) sdk.Connector {
	return sdk.NewActions(sdk.Info{Name: "diary", Version: "1.0.0", Summary: "Writes lines"},
		sdk.NewAction("write", "Write lines", func(ctx context.Context, r sdk.Request[diaryConfig], s *sdk.Session) (sdk.Result, error) {
			mark, err := os.OpenFile(filepath.Join(r.Step.Workspace.AttemptPath, "mark"), os.O_CREATE|os.O_EXCL, 0o600)
			if err == nil {
				mark.Close()
			}
			if err == nil || forgetful {
				grow(filepath.Join(r.Step.Workspace.Path, "count.txt"), "done\n")
			} else if !errors.Is(err, fs.ErrExist) {
				return sdk.Result{}, err
			}
			for i := range r.Config.Lines {
				if _, err := fmt.Fprintf(s.Stdout(), "line %d\n", i); err != nil {
					return sdk.Result{}, err
				}
			}
			if !r.Config.Wait {
				return sdk.Succeeded(), nil
			}
			<-ctx.Done()
			if _, cancelled := sdk.CancelGrace(ctx); cancelled {
				return sdk.Cancelled(), nil
			}
			return sdk.Result{}, context.Cause(ctx)
		}))
}

// serveBare is a connector without go-plugin, as one in another language is: what
// PLUGINS.md says that such a program has to do is all that it does.
func serveBare() {
	if os.Getenv("PATCHBAY_CONNECTOR") != "8d2b2f0f6c1f4a53b7a9" || os.Getenv("PLUGIN_PROTOCOL_VERSIONS") != "1" {
		os.Exit(2)
	}
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "bare.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		os.Exit(3)
	}
	server := grpc.NewServer()
	connectorv1.RegisterConnectorServiceServer(server, &gappy{offset: 3, outcome: connectorv1.Outcome_OUTCOME_SUCCEEDED})
	alive := health.NewServer()
	alive.SetServingStatus("plugin", healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, alive)
	fmt.Printf("1|1|unix|%s|grpc|\n", path)
	_ = server.Serve(listener) // until the process is killed
}

func TestProgramWithoutGoPlugin(t *testing.T) {
	t.Parallel()
	target := testProgram(t, "bare")
	defer target.Close()
	for _, report := range Check(t.Context(), target, Options{Cases: []Case{{Name: "any", Expect: Expectation{Stdout: Text("abcabc")}}}}) {
		if report.Check == "result" && report.Status != Passed {
			t.Errorf("%+v", report)
		}
	}
}

func diaryCases() []Case {
	return []Case{
		{Name: "writes", Config: json.RawMessage(`{"lines":1000}`), Once: "count.txt"},
		{Name: "waits", Config: json.RawMessage(`{"lines":1,"wait":true}`), Endless: true},
	}
}

func testProgram(t *testing.T, args ...string) Killer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Program(self, args...)
}

func TestRunPassesAGoodProgram(t *testing.T) {
	t.Parallel()
	RunTarget(t, testProgram(t), Options{Cases: diaryCases()})
}

func TestCheckFailsAForgetfulProgram(t *testing.T) {
	t.Parallel()
	target := testProgram(t, "forgetful")
	defer target.Close()
	var crash []Report
	for _, report := range Check(t.Context(), target, Options{Cases: diaryCases()}) {
		if report.Check == "crash" {
			crash = append(crash, report)
		}
	}
	wantFailure(t, crash, "the work was done")
}

func TestCheckOfWhatIsNoConnector(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	script := filepath.Join(folder, "patchbay-connector-none")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho it broke >&2\necho hello\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{script: "it broke", filepath.Join(folder, "absent"): "no such file"} {
		target := Program(path)
		defer target.Close()
		reports := Check(t.Context(), target, Options{Patience: 20 * time.Second})
		wantFailure(t, reports, says)
		for _, report := range reports {
			if report.Status == Passed {
				t.Errorf("%s passed: %+v", path, report)
			}
			if report.Status == Failed && !strings.Contains(report.Message, "launch") {
				t.Errorf("%s: %s", path, report.Message)
			}
		}
	}
}
