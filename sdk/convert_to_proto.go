package sdk

import (
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

func infoToProto(i Info) *connectorv1.DescribeResponse {
	p := &connectorv1.DescribeResponse{Name: i.Name, Version: i.Version,
		ProtocolVersion: i.ProtocolVersion, Summary: i.Summary}
	for _, a := range i.Actions {
		action := &connectorv1.Action{Name: a.Name, Help: a.Help, ConfigSchema: a.ConfigSchema, Deploys: a.Deploys}
		for _, o := range a.Outputs {
			action.Outputs = append(action.Outputs, &connectorv1.OutputSpec{Name: o.Name, Help: o.Help})
		}
		for _, k := range a.ImpliedBy {
			action.ImpliedBy = append(action.ImpliedBy, &connectorv1.KeyPattern{Present: k.Present, Absent: k.Absent})
		}
		p.Actions = append(p.Actions, action)
	}
	for _, c := range i.Capabilities {
		p.Capabilities = append(p.Capabilities, capabilities.toProto(c))
	}
	for _, s := range i.Secrets {
		p.Secrets = append(p.Secrets, &connectorv1.SecretSpec{Name: s.Name, Help: s.Help, Required: s.Required})
	}
	if w := i.Webhook; len(w.Headers) > 0 || len(w.OptionsSchema) > 0 {
		p.Webhook = &connectorv1.WebhookSpec{Headers: w.Headers, OptionsSchema: w.OptionsSchema}
	}
	return p
}

func diagnosticsToProto(list []Diagnostic) []*connectorv1.Diagnostic {
	var out []*connectorv1.Diagnostic
	for _, d := range list {
		out = append(out, &connectorv1.Diagnostic{Severity: severities.toProto(d.Severity),
			Pointer: text(d.Pointer), Message: text(d.Message), Suggestion: text(d.Suggestion)})
	}
	return out
}

func workspaceToProto(w Workspace) *connectorv1.Workspace {
	return &connectorv1.Workspace{Path: w.Path, AttemptPath: w.AttemptPath, DeployPath: w.DeployPath}
}

func stepToProto(s Step) *connectorv1.Step {
	return &connectorv1.Step{AttemptId: s.AttemptID, Action: s.Action, Config: s.Config,
		Environment: s.Environment, Workspace: workspaceToProto(s.Workspace), Secrets: s.Secrets}
}

func runRequestToProto(r RunRequest) *connectorv1.Start {
	return &connectorv1.Start{Step: stepToProto(r.Step),
		Offsets: &connectorv1.Offsets{Stdout: r.Offsets.Stdout, Stderr: r.Offsets.Stderr},
		State:   r.State, Deadline: timeToProto(r.Deadline), CancelOnDisconnect: r.CancelOnDisconnect}
}

func timeToProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func cancelToProto(grace time.Duration) *connectorv1.RunStepRequest {
	return &connectorv1.RunStepRequest{Message: &connectorv1.RunStepRequest_Cancel{
		Cancel: &connectorv1.Cancel{Grace: durationpb.New(grace)}}}
}

func resultToProto(r Result) *connectorv1.Result {
	p := &connectorv1.Result{Outcome: outcomes.toProto(r.Outcome), Signal: text(r.Signal), Message: text(r.Message), Metadata: texts(r.Metadata)}
	if r.ExitCode != nil {
		code := int32(*r.ExitCode)
		p.ExitCode = &code
	}
	return p
}

func attemptRefToProto(a AttemptRef) *connectorv1.AttemptRef {
	return &connectorv1.AttemptRef{AttemptId: a.AttemptID, Action: a.Action, State: a.State,
		Workspace: workspaceToProto(a.Workspace)}
}

func postExecuteToProto(r PostExecuteRequest) *connectorv1.PostExecuteRequest {
	return &connectorv1.PostExecuteRequest{Attempt: attemptRefToProto(r.Attempt), Result: resultToProto(r.Result)}
}

func destroyRequestToProto(r DestroyRequest) *connectorv1.DestroyStepRequest {
	p := &connectorv1.DestroyStepRequest{}
	for _, a := range r.Attempts {
		p.Attempts = append(p.Attempts, attemptRefToProto(a))
	}
	return p
}

func validateRequestToProto(r ValidateRequest) *connectorv1.ValidateConfigRequest {
	return &connectorv1.ValidateConfigRequest{Action: r.Action, Config: r.Config}
}

func checkResultToProto(r CheckResult) *connectorv1.CheckResponse {
	return &connectorv1.CheckResponse{Ok: r.OK, Message: text(r.Message), Identity: text(r.Identity), Details: texts(r.Details)}
}

// text makes UTF-8 of words that come from the outside world (a program's last
// line, a file's name): the protocol would refuse the whole message otherwise.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func texts(m map[string]string) map[string]string {
	for key, value := range m {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			valid := make(map[string]string, len(m))
			for key, value := range m {
				valid[text(key)] = text(value)
			}
			return valid
		}
	}
	return m
}
