package sdk

import connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"

func startInstanceToProto(r StartInstanceRequest) *connectorv1.StartInstanceRequest {
	return &connectorv1.StartInstanceRequest{Instance: instanceToProto(r.Instance), Secrets: r.Secrets}
}

func startInstanceFromProto(p *connectorv1.StartInstanceRequest) StartInstanceRequest {
	return StartInstanceRequest{Instance: instanceFromProto(p.GetInstance()), Secrets: p.GetSecrets()}
}

func checkInstanceToProto(r CheckInstanceRequest) *connectorv1.CheckInstanceRequest {
	return &connectorv1.CheckInstanceRequest{Instance: instanceToProto(r.Instance), Secrets: r.Secrets, Argv: r.Argv, Timeout: durationToProto(r.Timeout)}
}

func checkInstanceFromProto(p *connectorv1.CheckInstanceRequest) CheckInstanceRequest {
	return CheckInstanceRequest{Instance: instanceFromProto(p.GetInstance()), Secrets: p.GetSecrets(), Argv: p.GetArgv(), Timeout: p.GetTimeout().AsDuration()}
}

func healthResultToProto(r HealthResult) *connectorv1.CheckInstanceResponse {
	return &connectorv1.CheckInstanceResponse{Healthy: r.Healthy, Message: text(r.Message)}
}

func healthResultFromProto(p *connectorv1.CheckInstanceResponse) HealthResult {
	return HealthResult{Healthy: p.GetHealthy(), Message: p.GetMessage()}
}

func stopInstanceToProto(r StopInstanceRequest) *connectorv1.StopInstanceRequest {
	return &connectorv1.StopInstanceRequest{Instance: instanceToProto(r.Instance), Grace: durationToProto(r.Grace)}
}

func stopInstanceFromProto(p *connectorv1.StopInstanceRequest) StopInstanceRequest {
	return StopInstanceRequest{Instance: instanceFromProto(p.GetInstance()), Grace: p.GetGrace().AsDuration()}
}

func removeReleaseToProto(r RemoveReleaseRequest) *connectorv1.RemoveReleaseRequest {
	return &connectorv1.RemoveReleaseRequest{Action: r.Action, Service: r.Service, ReleaseId: r.ReleaseID, Spec: r.Spec, DeployPath: r.DeployPath}
}

func removeReleaseFromProto(p *connectorv1.RemoveReleaseRequest) RemoveReleaseRequest {
	return RemoveReleaseRequest{Action: p.GetAction(), Service: p.GetService(), ReleaseID: p.GetReleaseId(), Spec: p.GetSpec(), DeployPath: p.GetDeployPath()}
}

func instanceLogsToProto(r InstanceLogsRequest) *connectorv1.InstanceLogsRequest {
	return &connectorv1.InstanceLogsRequest{Instance: instanceToProto(r.Instance), Tail: int32(r.Tail), Follow: r.Follow}
}

func instanceLogsFromProto(p *connectorv1.InstanceLogsRequest) InstanceLogsRequest {
	return InstanceLogsRequest{Instance: instanceFromProto(p.GetInstance()), Tail: int(p.GetTail()), Follow: p.GetFollow()}
}
