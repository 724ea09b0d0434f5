//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// process is one of the machine's.
type process struct {
	pid  int
	what string
}

func (p process) String() string { return fmt.Sprintf("%d (%s)", p.pid, p.what) }

// processes lists those that belong to the stand: its programs, and what its steps
// have started, which is told by its environment.
func (s *stand) processes() []process {
	var found []process
	for _, pid := range allProcesses() {
		folder := filepath.Join("/proc", strconv.Itoa(pid))
		program, _ := os.Readlink(filepath.Join(folder, "exe"))
		if strings.HasPrefix(program, s.root+"/") {
			found = append(found, process{pid, filepath.Base(strings.TrimSuffix(program, " (deleted)"))})
			continue
		}
		environment, err := os.ReadFile(filepath.Join(folder, "environ"))
		if err != nil || !bytes.Contains(environment, []byte(envStand+"="+s.root+"\x00")) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		found = append(found, process{pid, fmt.Sprintf("of a step: %.120q", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))})
	}
	return found
}

// connectors lists the stand's connector processes.
func (s *stand) connectors() []int {
	var found []int
	for _, pid := range allProcesses() {
		program, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
		if strings.HasPrefix(program, filepath.Join(s.root, "bin", "plugins")+"/") {
			found = append(found, pid)
		}
	}
	return found
}

func allProcesses() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			all = append(all, pid)
		}
	}
	return all
}

// memory is what a process holds now and has held at the most, in bytes, from
// /proc/PID/status (see proc(5)).
func memory(pid int) (now, peak int64, err error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			now = kilobytes << 10
		case name == "VmHWM":
			peak = kilobytes << 10
		}
	}
	return now, peak, nil
}

// killAll ends whatever is left of the stand: by itself nothing should be.
func (s *stand) killAll() {
	for _, p := range s.processes() {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
