package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// residentMemory is what a process holds, from /proc/PID/status (see proc(5)).
func residentMemory(pid int) (bytes int64, err error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %d tells nothing of its memory", pid)
}
