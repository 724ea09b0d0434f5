package workspace

import (
	"os"

	"golang.org/x/sys/unix"
)

// sharedMemory is where Linux systems have a file system in memory (see shm_overview(7)).
const sharedMemory = "/dev/shm"

// minScratch is how much must be free there: room for the output of steps on its
// way to the host.
const minScratch = 512 << 20

// ScratchFolder is where attempts' private files are best kept when they need not
// outlive the machine: in memory, if there is room, otherwise the system's folder
// for temporary files. Making a file is several times quicker in memory, and a
// short step makes four.
func ScratchFolder() string {
	var s unix.Statfs_t
	if unix.Statfs(sharedMemory, &s) != nil || s.Type != unix.TMPFS_MAGIC || s.Bavail*uint64(s.Bsize) < minScratch ||
		unix.Access(sharedMemory, unix.W_OK) != nil {
		return os.TempDir()
	}
	return sharedMemory
}
