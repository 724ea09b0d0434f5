package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// owner is the host process that this connector works for, told apart from every
// other one there has been, here and on other machines that use the same Engine. It
// is written on all that is made, so that it can be known later whether anybody may
// still come back for it.
type owner struct {
	machine string // its ID and name, as a digest
	boot    string // changes with each start of the machine
	pids    string // the namespace in which process has a meaning
	mounts  string // the namespace in which a path has a meaning
	process string
	started string // the process's, in ticks since the machine's start
}

// thisOwner is this process's parent. Where a system does not tell enough about it,
// the owner is unknown, and what it leaves is never swept.
func thisOwner() owner {
	pid := strconv.Itoa(os.Getppid())
	name, err := os.Hostname()
	id, idErr := os.ReadFile("/etc/machine-id")
	boot, bootErr := os.ReadFile("/proc/sys/kernel/random/boot_id")
	started, alive := processStart(pid)
	if err != nil || bootErr != nil || !alive {
		return owner{}
	}
	if idErr != nil {
		id = nil // in containers; their names are unique
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(string(id)) + "\n" + name))
	pids, err := os.Readlink("/proc/self/ns/pid")
	mounts, mountsErr := os.Readlink("/proc/self/ns/mnt")
	if err != nil || mountsErr != nil {
		return owner{}
	}
	return owner{machine: hex.EncodeToString(sum[:8]), boot: strings.TrimSpace(string(boot)),
		pids: pids, mounts: mounts, process: pid, started: started}
}

// String is the label's value, empty for an unknown owner.
func (o owner) String() string {
	if o == (owner{}) {
		return ""
	}
	return strings.Join([]string{o.machine, o.boot, o.pids, o.mounts, o.process, o.started}, " ")
}

func parseOwner(text string) (owner, bool) {
	f := strings.Fields(text)
	if len(f) != 6 {
		return owner{}, false
	}
	return owner{f[0], f[1], f[2], f[3], f[4], f[5]}, true
}

// gone reports whether other is certain to have ended, as far as o can tell: it was
// on this machine, and before its last start, or is no process any more. Of one on
// another machine or in another container nothing is known.
func (o owner) gone(other owner) bool {
	switch {
	case o == (owner{}) || o.machine != other.machine:
		return false
	case o.boot != other.boot:
		return true
	case o.pids != other.pids:
		return false
	}
	started, alive := processStart(other.process)
	return !alive || started != other.started
}

// sees reports whether a path means the same to both.
func (o owner) sees(other owner) bool { return o.mounts == other.mounts }

// processStart returns when a process began (field 22 of proc_pid_stat(5)), and
// whether it is there and no zombie.
func processStart(pid string) (started string, alive bool) {
	if pid == "" || strings.Trim(pid, "0123456789") != "" {
		return "", false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return "", false
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const state, starttime = 0, 22 - 3 // what is left begins with the third
	if len(fields) <= starttime || fields[state] == "Z" || fields[state] == "X" {
		return "", false
	}
	return fields[starttime], true
}

// labels are what everything of an attempt carries. tied says that its host will not
// come back for it once it has ended.
func (c *connector) labels(step sdk.Step, tied bool) map[string]string {
	workspace := sha256.Sum256([]byte(step.Workspace.Path))
	labels := map[string]string{
		labelAttempt: step.AttemptID, labelConnector: "docker", labelHost: c.owner.String(),
		labelFolder: step.Workspace.AttemptPath, labelWorkspace: hex.EncodeToString(workspace[:8]),
	}
	if tied {
		labels[labelTied] = "true"
	}
	return labels
}
