package sdktest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
	"github.com/patchbay-ci/patchbay/sdk"
)

func machineCases() []Case {
	return []Case{
		{Name: "prints", Config: json.RawMessage(`{"print":["one","two","three"],"code":3}`), Once: "count.txt",
			Expect: Expectation{Outcome: sdk.OutcomeFailed, ExitCode: Code(3), Stdout: Text("one\ntwo\nthree\n"),
				Stderr: Text("noted one\nnoted two\nnoted three\n"), Outputs: map[string]string{"lines": "3"}}},
		{Name: "endless", Config: json.RawMessage(`{"print":["begun"],"endless":true}`), Endless: true, Heartbeat: "beat.txt", Once: "count.txt"},
	}
}

func TestRunPassesAGoodConnector(t *testing.T) {
	t.Parallel()
	Run(t, newMachine(""), machineCases()...)
}

// TestCheckFails shows that each rule that a connector breaks is found.
func TestCheckFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault, check, says string
	}{
		{"name", "describe", "lower-case letters"},
		{"version", "describe", "1.2.3"},
		{"help", "describe", "one line"},
		{"schema", "describe", `no type "strings"`},
		{"moody", "describe", "the second time"},
		{"lenient", "bad config", "went ahead"},
		{"vague", "bad config", "want an error of class invalid_config, got internal"},
		{"any action", "unknown action", "want an error of class invalid_config"},
		{"destroys once", "destroy unknown", "no such attempt"},
		{"destroys once", "destroy", "a second time"},
		{"starts anew", "replay", "done"},
		{"starts anew", "detach", "done"},
		{"starts anew", "double start", "done 2 times"},
		{"skips itself", "replay", "stdout is not the same"},
		{"lets nothing go on", "detach", "joined again"},
		{"forgets the end", "replay", "results of one attempt differ"},
		{"denies it", "cancel", "says that it succeeded"},
		{"leaves it", "cancel", "still running"},
		{"destroys nothing", "destroy", "still running"},
		{"prints secrets", "secrets", "is in stderr"},
		{"hangs", "result", "more than"},
	} {
		t.Run(test.fault+"/"+test.check, func(t *testing.T) {
			t.Parallel()
			target := InMemory(newMachine(test.fault))
			defer target.Close()
			options := Options{Cases: machineCases(), Patience: 2 * time.Second, Quiet: 100 * time.Millisecond}
			for _, c := range checks() {
				if c.name == test.check {
					wantFailure(t, c.reports(t.Context(), target, options.withDefaults()), test.says)
				}
			}
		})
	}
}

func wantFailure(t *testing.T, reports []Report, says string) {
	t.Helper()
	for _, report := range reports {
		if report.Status == Failed && strings.Contains(report.Message, says) {
			return
		}
	}
	t.Errorf("no failure that says %q: %+v", says, reports)
}

// gappy is a connector that does not use the SDK and loses a byte.
type gappy struct {
	connectorv1.UnimplementedConnectorServiceServer
	outcome connectorv1.Outcome
	offset  int64
}

func (g *gappy) Describe(context.Context, *connectorv1.DescribeRequest) (*connectorv1.DescribeResponse, error) {
	return &connectorv1.DescribeResponse{Name: "gappy", Version: "1.0.0", ProtocolVersion: 2, Summary: "Loses bytes",
		Actions: []*connectorv1.Action{{Name: "a", Help: "help", ConfigSchema: []byte(`{"type":"object"}`)}}}, nil
}

func (g *gappy) RunStep(stream connectorv1.ConnectorService_RunStepServer) error {
	for _, offset := range []int64{0, g.offset} {
		if err := stream.Send(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Output{
			Output: &connectorv1.Output{Stream: connectorv1.Stream_STREAM_STDOUT, Offset: offset, Data: []byte("abc")}}}); err != nil {
			return err
		}
	}
	return stream.Send(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Result{
		Result: &connectorv1.Result{Outcome: g.outcome}}})
}

func TestCheckFailsForeignConnectors(t *testing.T) {
	t.Parallel()
	succeeded := connectorv1.Outcome_OUTCOME_SUCCEEDED
	for name, test := range map[string]struct {
		server      *gappy
		check, says string
	}{
		"gap":               {&gappy{offset: 4, outcome: succeeded}, "result", "lost or doubled"},
		"doubled":           {&gappy{offset: 2, outcome: succeeded}, "result", "lost or doubled"},
		"offsets ignored":   {&gappy{offset: 3, outcome: succeeded}, "replay", "lost or doubled"},
		"no outcome":        {&gappy{offset: 3}, "result", "no outcome"},
		"another protocol":  {&gappy{offset: 3, outcome: succeeded}, "describe", "protocol version is 2"},
		"accepts a list":    {&gappy{offset: 3, outcome: succeeded}, "bad config", "went ahead"},
		"any action at all": {&gappy{offset: 3, outcome: succeeded}, "unknown action", "went ahead"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := &inMemory{register: func(s *grpc.Server) { connectorv1.RegisterConnectorServiceServer(s, test.server) }}
			defer target.Close()
			var failures []Report
			for _, report := range Check(t.Context(), target, Options{Cases: []Case{{Name: "any"}}, Patience: 5 * time.Second}) {
				if report.Check == test.check {
					failures = append(failures, report)
				}
			}
			wantFailure(t, failures, test.says)
		})
	}
}

func TestCheckWithoutCases(t *testing.T) {
	t.Parallel()
	target := InMemory(newMachine(""))
	defer target.Close()
	seen := map[Status]int{}
	for _, report := range Check(t.Context(), target, Options{}) {
		seen[report.Status]++
		if report.Status == Failed {
			t.Errorf("%+v", report)
		}
	}
	if seen[Passed] != 4 || seen[Skipped] != len(checks())-4 {
		t.Errorf("got %v", seen)
	}
}

func TestParseCases(t *testing.T) {
	t.Parallel()
	cases, err := ParseCases([]byte(`{"cases":[{"name":"a","config":{"x":1},"endless":true,"heartbeat":"b/c.txt","expect":{"exit_code":1}}]}`))
	if err != nil || len(cases) != 1 || cases[0].Heartbeat != "b/c.txt" || *cases[0].Expect.ExitCode != 1 {
		t.Errorf("got %+v, %v", cases, err)
	}
	for name, test := range map[string]struct{ file, says string }{
		"not JSON":           {`{`, "read the cases"},
		"unknown key":        {`{"cases":[{"name":"a","expects":{}}]}`, `unknown field "expects"`},
		"no name":            {`{"cases":[{}]}`, "case 1: it has no name"},
		"leaves workspace":   {`{"cases":[{"name":"a","once":"../x"}]}`, "not a path within the workspace"},
		"file out of it":     {`{"cases":[{"name":"a","files":{"/etc/x":""}}]}`, "not a path within the workspace"},
		"heartbeat that end": {`{"cases":[{"name":"a","heartbeat":"x"}]}`, "for endless cases"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseCases([]byte(test.file)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
