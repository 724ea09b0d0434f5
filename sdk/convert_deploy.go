package sdk

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

var (
	handovers = enum[Handover, connectorv1.Handover]{
		{HandoverSwitch, connectorv1.Handover_HANDOVER_SWITCH},
		{HandoverReplace, connectorv1.Handover_HANDOVER_REPLACE},
		{HandoverActivateThenCheck, connectorv1.Handover_HANDOVER_ACTIVATE_THEN_CHECK},
	}
	instanceStates = enum[InstanceState, connectorv1.InstanceState]{
		{InstanceAbsent, connectorv1.InstanceState_INSTANCE_STATE_ABSENT},
		{InstanceRunning, connectorv1.InstanceState_INSTANCE_STATE_RUNNING},
		{InstanceExited, connectorv1.InstanceState_INSTANCE_STATE_EXITED},
	}
)

// durationToProto leaves out zero, which is the host's choice.
func durationToProto(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func releaseToProto(r Release) *connectorv1.Release {
	p := &connectorv1.Release{Service: text(r.Service), Version: text(r.Version), Spec: r.Spec, Health: healthCheckToProto(r.Health),
		Keep: int32(r.Keep), Handover: handovers.toProto(r.Handover), Environment: texts(r.Environment), Secrets: r.Secrets,
		Grace: durationToProto(r.Grace)}
	for _, port := range r.Ports {
		p.Ports = append(p.Ports, &connectorv1.ServicePort{Name: text(port.Name), Port: int32(port.Port)})
	}
	return p
}

func releaseFromProto(p *connectorv1.Release) Release {
	r := Release{Service: p.GetService(), Version: p.GetVersion(), Spec: p.GetSpec(), Health: healthCheckFromProto(p.GetHealth()),
		Keep: int(p.GetKeep()), Handover: handovers.fromProto(p.GetHandover()), Environment: p.GetEnvironment(), Secrets: p.GetSecrets(),
		Grace: p.GetGrace().AsDuration()}
	for _, port := range p.GetPorts() {
		r.Ports = append(r.Ports, ServicePort{Name: port.GetName(), Port: int(port.GetPort())})
	}
	return r
}

func healthCheckToProto(h HealthCheck) *connectorv1.HealthCheck {
	p := &connectorv1.HealthCheck{Interval: durationToProto(h.Interval), Timeout: durationToProto(h.Timeout),
		StartPeriod: durationToProto(h.StartPeriod), Retries: int32(h.Retries)}
	if c := h.HTTP; c != nil {
		p.Http = &connectorv1.HTTPCheck{Port: text(c.Port), Path: text(c.Path), Status: int32(c.Status), Url: text(c.URL)}
	}
	if c := h.TCP; c != nil {
		p.Tcp = &connectorv1.TCPCheck{Port: text(c.Port)}
	}
	if c := h.Command; c != nil {
		p.Command = &connectorv1.CommandCheck{}
		for _, word := range c.Argv {
			p.Command.Argv = append(p.Command.Argv, text(word))
		}
	}
	return p
}

func healthCheckFromProto(p *connectorv1.HealthCheck) HealthCheck {
	h := HealthCheck{Interval: p.GetInterval().AsDuration(), Timeout: p.GetTimeout().AsDuration(),
		StartPeriod: p.GetStartPeriod().AsDuration(), Retries: int(p.GetRetries())}
	if c := p.GetHttp(); c != nil {
		h.HTTP = &HTTPCheck{Port: c.GetPort(), Path: c.GetPath(), Status: int(c.GetStatus()), URL: c.GetUrl()}
	}
	if c := p.GetTcp(); c != nil {
		h.TCP = &TCPCheck{Port: c.GetPort()}
	}
	if c := p.GetCommand(); c != nil {
		h.Command = &CommandCheck{Argv: c.GetArgv()}
	}
	return h
}

func instanceToProto(i Instance) *connectorv1.Instance {
	p := &connectorv1.Instance{Id: i.ID, Action: i.Action, Service: i.Service, ReleaseId: i.ReleaseID, Version: i.Version,
		Spec: i.Spec, DeployPath: i.DeployPath, Environment: texts(i.Environment)}
	for _, port := range i.Ports {
		p.Ports = append(p.Ports, &connectorv1.LeasedPort{Name: port.Name, Address: port.Address, Port: int32(port.Port)})
	}
	return p
}

func instanceFromProto(p *connectorv1.Instance) Instance {
	i := Instance{ID: p.GetId(), Action: p.GetAction(), Service: p.GetService(), ReleaseID: p.GetReleaseId(), Version: p.GetVersion(),
		Spec: p.GetSpec(), DeployPath: p.GetDeployPath(), Environment: p.GetEnvironment()}
	for _, port := range p.GetPorts() {
		i.Ports = append(i.Ports, LeasedPort{Name: port.GetName(), Address: port.GetAddress(), Port: int(port.GetPort())})
	}
	return i
}

func instanceStatusToProto(s InstanceStatus) *connectorv1.InstanceStatus {
	p := &connectorv1.InstanceStatus{State: instanceStates.toProto(s.State), Since: timeToProto(s.Since), Signal: text(s.Signal), Message: text(s.Message)}
	if s.ExitCode != nil {
		code := int32(*s.ExitCode)
		p.ExitCode = &code
	}
	return p
}

func instanceStatusFromProto(p *connectorv1.InstanceStatus) InstanceStatus {
	s := InstanceStatus{State: instanceStates.fromProto(p.GetState()), Since: timeFromProto(p.GetSince()), Signal: p.GetSignal(), Message: p.GetMessage()}
	if p != nil && p.ExitCode != nil {
		code := int(p.GetExitCode())
		s.ExitCode = &code
	}
	return s
}
