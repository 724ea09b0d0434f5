package sdk

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

func infoFromProto(p *connectorv1.DescribeResponse) Info {
	i := Info{Name: p.GetName(), Version: p.GetVersion(), ProtocolVersion: p.GetProtocolVersion(), Summary: p.GetSummary()}
	for _, a := range p.GetActions() {
		action := ActionInfo{Name: a.GetName(), Help: a.GetHelp(), ConfigSchema: a.GetConfigSchema(), Deploys: a.GetDeploys()}
		for _, o := range a.GetOutputs() {
			action.Outputs = append(action.Outputs, OutputInfo{Name: o.GetName(), Help: o.GetHelp()})
		}
		for _, k := range a.GetImpliedBy() {
			action.ImpliedBy = append(action.ImpliedBy, KeyPattern{Present: k.GetPresent(), Absent: k.GetAbsent()})
		}
		i.Actions = append(i.Actions, action)
	}
	for _, c := range p.GetCapabilities() {
		i.Capabilities = append(i.Capabilities, capabilities.fromProto(c))
	}
	for _, s := range p.GetSecrets() {
		i.Secrets = append(i.Secrets, SecretInfo{Name: s.GetName(), Help: s.GetHelp(), Required: s.GetRequired()})
	}
	i.Webhook = WebhookInfo{Headers: p.GetWebhook().GetHeaders(), OptionsSchema: p.GetWebhook().GetOptionsSchema()}
	return i
}

func diagnosticsFromProto(list []*connectorv1.Diagnostic) []Diagnostic {
	var out []Diagnostic
	for _, d := range list {
		out = append(out, Diagnostic{Severity: severities.fromProto(d.GetSeverity()),
			Pointer: d.GetPointer(), Message: d.GetMessage(), Suggestion: d.GetSuggestion()})
	}
	return out
}

func workspaceFromProto(p *connectorv1.Workspace) Workspace {
	return Workspace{Path: p.GetPath(), AttemptPath: p.GetAttemptPath(), DeployPath: p.GetDeployPath()}
}

func stepFromProto(p *connectorv1.Step) Step {
	return Step{AttemptID: p.GetAttemptId(), Action: p.GetAction(), Config: p.GetConfig(),
		Environment: p.GetEnvironment(), Workspace: workspaceFromProto(p.GetWorkspace()), Secrets: p.GetSecrets()}
}

func runRequestFromProto(p *connectorv1.Start) RunRequest {
	return RunRequest{Step: stepFromProto(p.GetStep()),
		Offsets: Offsets{Stdout: p.GetOffsets().GetStdout(), Stderr: p.GetOffsets().GetStderr()},
		State:   p.GetState(), Deadline: timeFromProto(p.GetDeadline()), CancelOnDisconnect: p.GetCancelOnDisconnect()}
}

func timeFromProto(p *timestamppb.Timestamp) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.AsTime()
}

func resultFromProto(p *connectorv1.Result) Result {
	r := Result{Outcome: outcomes.fromProto(p.GetOutcome()), Signal: p.GetSignal(), Message: p.GetMessage(), Metadata: p.GetMetadata()}
	if p != nil && p.ExitCode != nil {
		code := int(p.GetExitCode())
		r.ExitCode = &code
	}
	return r
}

func attemptRefFromProto(p *connectorv1.AttemptRef) AttemptRef {
	return AttemptRef{AttemptID: p.GetAttemptId(), Action: p.GetAction(), State: p.GetState(),
		Workspace: workspaceFromProto(p.GetWorkspace())}
}

func postExecuteFromProto(p *connectorv1.PostExecuteRequest) PostExecuteRequest {
	return PostExecuteRequest{Attempt: attemptRefFromProto(p.GetAttempt()), Result: resultFromProto(p.GetResult())}
}

func destroyRequestFromProto(p *connectorv1.DestroyStepRequest) DestroyRequest {
	var r DestroyRequest
	for _, a := range p.GetAttempts() {
		r.Attempts = append(r.Attempts, attemptRefFromProto(a))
	}
	return r
}

func validateRequestFromProto(p *connectorv1.ValidateConfigRequest) ValidateRequest {
	return ValidateRequest{Action: p.GetAction(), Config: p.GetConfig()}
}

func checkResultFromProto(p *connectorv1.CheckResponse) CheckResult {
	return CheckResult{OK: p.GetOk(), Message: p.GetMessage(), Identity: p.GetIdentity(), Details: p.GetDetails()}
}
