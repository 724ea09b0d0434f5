package main

import (
	"github.com/docker/docker/api/types/container"
)

// limits are what a container may use of the machine.
type limits struct {
	Memory  size  `json:"memory,omitempty" jsonschema_description:"The most memory, such as 512m or 2g; there is no swap beyond it. Without it: what the operator has set"`
	CPU     cpus  `json:"cpu,omitempty" jsonschema_description:"The most processors, such as 2, 0.5 or 500m. Without it: what the operator has set"`
	Pids    int64 `json:"pids,omitempty" jsonschema:"minimum=1,maximum=4194304" jsonschema_description:"The most processes and threads at a time. Without it: what the operator has set, or 4096"`
	ShmSize size  `json:"shm_size,omitempty" jsonschema_description:"The size of /dev/shm; browsers and databases want more than the Engine's 64m"`
}

// defaultPids ends a fork bomb long before the machine is out of processes, and lets
// any build through.
const defaultPids = 4096

// minMemory is the least that the Engine takes.
const minMemory = 6 << 20

// check refuses what no Engine does.
func (l *limits) check(at string) error {
	if l.Memory != 0 && l.Memory < minMemory {
		return invalid(at+"/memory", "give it 6m or more", "memory is only %s", l.Memory)
	}
	return nil
}

// resources are the limits in the Engine's words, with the operator's defaults.
// allowed has been called before.
func (l *limits) resources(p *policy) container.Resources {
	memory, cpu, pids := l.Memory, l.CPU, l.Pids
	if memory == 0 {
		memory = p.memory.standard()
	}
	if cpu == 0 {
		cpu = p.cpu.standard()
	}
	if pids == 0 {
		pids = p.pids.standard()
	}
	return container.Resources{
		Memory: int64(memory), MemorySwap: int64(memory), // the sum of both: no swap
		NanoCPUs: cpu.nano(), PidsLimit: &pids,
	}
}

// allowed checks the limits against the operator's.
func (l *limits) allowed(p *policy, at string) error {
	for _, c := range []struct {
		key     string
		over    bool
		maximum any
		setting string
	}{
		{"memory", p.memory.most != 0 && l.Memory > p.memory.most, p.memory.most, settingMemoryMax},
		{"shm_size", p.memory.most != 0 && l.ShmSize > p.memory.most, p.memory.most, settingMemoryMax},
		{"cpu", p.cpu.most != 0 && l.CPU > p.cpu.most, float64(p.cpu.most), settingCPUMax},
		{"pids", p.pids.most != 0 && l.Pids > p.pids.most, p.pids.most, settingPidsMax},
	} {
		if c.over {
			return refused(at+"/"+c.key, c.setting, "%s is more than a step may have here: %v", c.key, c.maximum)
		}
	}
	return nil
}
