package pluginhost

import "syscall"

// processAttributes keep a terminal's Ctrl-C away from the process (its group is
// its own) and end it with the host, however suddenly that goes: sdk.Serve takes
// SIGTERM for that.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
