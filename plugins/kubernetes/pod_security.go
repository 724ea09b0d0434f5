package main

import (
	corev1 "k8s.io/api/core/v1"
)

// keptForRoot are the capabilities that a container's root keeps: what installing
// packages and changing owners needs, and nothing beyond the container. All others
// are dropped.
var keptForRoot = []corev1.Capability{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}

// podSecurity counts for all containers, so that each can read what another wrote.
func (p *podPlan) podSecurity() *corev1.PodSecurityContext {
	s := p.request.Config.SecurityContext
	security := &corev1.PodSecurityContext{RunAsUser: s.RunAsUser, RunAsGroup: s.RunAsGroup, FSGroup: s.FSGroup,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
	if s.RunAsNonRoot {
		security.RunAsNonRoot = &s.RunAsNonRoot
	}
	return security
}

// containerSecurity keeps to the restricted Pod Security Standard when the step does
// not run as root, and to the baseline one otherwise.
func (p *podPlan) containerSecurity() *corev1.SecurityContext {
	s := p.request.Config.SecurityContext
	capabilities := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	if !s.RunAsNonRoot {
		capabilities.Add = append(capabilities.Add, keptForRoot...)
	}
	for _, name := range s.AddCapabilities {
		capabilities.Add = append(capabilities.Add, corev1.Capability(name))
	}
	escalation, readOnly := s.AllowPrivilegeEscalation, s.ReadOnlyRoot
	return &corev1.SecurityContext{AllowPrivilegeEscalation: &escalation, Capabilities: capabilities, ReadOnlyRootFilesystem: &readOnly}
}
