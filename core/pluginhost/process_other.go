//go:build !linux

package pluginhost

import "syscall"

// processAttributes keep a terminal's Ctrl-C away from the process: its group is
// its own. Only Linux can also tie its life to the host's.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
