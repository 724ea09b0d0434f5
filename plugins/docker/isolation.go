package main

import (
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// isolation is what keeps a container's processes from the machine.
type isolation struct {
	ReadOnly        bool  `json:"read_only,omitempty" jsonschema_description:"The image's files cannot be changed; /tmp is in memory then, unless something else is mounted there"`
	CapAdd          words `json:"cap_add,omitempty" jsonschema_description:"Capabilities beyond those that steps have, such as NET_RAW; which ones may be added is the operator's choice"`
	CapDrop         words `json:"cap_drop,omitempty" jsonschema_description:"Capabilities to do without; ALL for all but those in cap_add"`
	NoNewPrivileges *bool `json:"no_new_privileges,omitempty" jsonschema:"default=true" jsonschema_description:"No program gets more rights than the one that started it: false for images whose user calls sudo"`
	Privileged      bool  `json:"privileged,omitempty" jsonschema_description:"All rights of the machine's root; only where the operator allows it"`
}

// keptCapabilities are those of Docker's own set that work on files and with users
// needs: package managers change owners and users, and root in a container must be
// able to write what an earlier step's user has made in the workspace. Dropped are
// NET_RAW (forged packets to neighbours), MKNOD, SETPCAP, SETFCAP, SYS_CHROOT and
// AUDIT_WRITE, which builds and tests hardly ever use.
var keptCapabilities = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}

// addableCapabilities may be added without the operator's saying so: every user of
// Docker has them.
var addableCapabilities = []string{"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SETPCAP", "SYS_CHROOT"}

const allCapabilities = "ALL"

// capability is the name as the Engine lists it, without the prefix.
func capability(name string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), "CAP_")
}

// check refuses what contradicts itself.
func (i *isolation) check(at string) error {
	for _, key := range []struct {
		name  string
		names words
	}{{"cap_add", i.CapAdd}, {"cap_drop", i.CapDrop}} {
		for _, name := range key.names {
			if c := capability(name); !capabilityForm.MatchString(c) {
				return invalid(at+"/"+key.name, "write it like NET_RAW; see capabilities(7)", "%q is not the name of a capability", name)
			}
		}
	}
	if i.Privileged && len(i.CapDrop) > 0 {
		return invalid(at+"/cap_drop", "keep one of them", "a privileged container has all capabilities; cap_drop has no effect on it")
	}
	return nil
}

func (i *isolation) allowed(p *policy, at string) error {
	if i.Privileged && !p.privileged {
		return refused(at+"/privileged", settingPrivileged, "privileged containers are not allowed here")
	}
	for _, name := range i.CapAdd {
		if c := capability(name); !slices.Contains(keptCapabilities, c) && !slices.Contains(p.capabilities, c) {
			return refused(at+"/cap_add", settingCapabilities, "the capability %s may not be added here; allowed are: %s",
				c, listed(slices.Concat(keptCapabilities, p.capabilities)))
		}
	}
	return nil
}

// apply writes it into the container to be.
func (i *isolation) apply(host *container.HostConfig) {
	host.ReadonlyRootfs = i.ReadOnly
	if i.Privileged {
		host.Privileged = true
		return
	}
	host.CapDrop, host.CapAdd = []string{allCapabilities}, i.capabilities()
	if i.NoNewPrivileges == nil || *i.NoNewPrivileges {
		host.SecurityOpt = []string{"no-new-privileges"}
	}
}

// capabilities are those that the container has.
func (i *isolation) capabilities() []string {
	have := slices.Clone(keptCapabilities)
	for _, name := range i.CapDrop {
		c := capability(name)
		have = slices.DeleteFunc(have, func(h string) bool { return h == c || c == allCapabilities })
	}
	for _, name := range i.CapAdd {
		have = append(have, capability(name))
	}
	slices.Sort(have)
	return slices.Compact(have)
}
