package health

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// freeDisk is how many bytes a user who is not root may still write.
func freeDisk(folder string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// freeMemory is how much memory can be had, and of how much. proc and cgroup are where
// the kernel says so (proc(5), cgroup v2).
func freeMemory(proc, cgroup string) (available, total uint64, err error) {
	available, total, err = machineMemory(filepath.Join(proc, "meminfo"))
	if err != nil {
		return 0, 0, err
	}
	line, err := os.ReadFile(filepath.Join(proc, "self", "cgroup"))
	if err != nil {
		return available, total, nil
	}
	_, own, _ := strings.Cut(string(bytes.TrimSpace(line)), "0::")
	folder := filepath.Join(cgroup, filepath.Clean("/"+own))
	limit, used := number(filepath.Join(folder, "memory.max")), number(filepath.Join(folder, "memory.current"))
	if limit == math.MaxUint64 || used == math.MaxUint64 || limit >= total {
		return available, total, nil // no limit of its own
	}
	return min(available, limit-min(limit, used)), limit, nil
}

// machineMemory reads MemAvailable and MemTotal, which are in KiB.
func machineMemory(file string) (available, total uint64, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	values := map[string]uint64{}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 {
			if value, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				values[fields[0]] = value << 10
			}
		}
	}
	available, total = values["MemAvailable:"], values["MemTotal:"]
	if total == 0 {
		return 0, 0, fmt.Errorf("%s does not say how much memory there is", file)
	}
	return available, total, nil
}

// number reads a file with one number; "max" and what cannot be read are the largest.
func number(file string) uint64 {
	content, err := os.ReadFile(file)
	if err != nil {
		return math.MaxUint64
	}
	value, err := strconv.ParseUint(string(bytes.TrimSpace(content)), 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	return value
}
