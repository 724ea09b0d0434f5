package workspace

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFoldersOfRunsAreSpread(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	Spread(folder)
	var about unix.Statfs_t
	if err := unix.Statfs(folder, &about); err != nil {
		t.Fatal(err)
	}
	if about.Type != unix.EXT4_SUPER_MAGIC {
		t.Skipf("%s is on a file system (%#x) that keeps no such flag", folder, about.Type)
	}
	file, err := os.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	flags, err := unix.IoctlGetUint32(int(file.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		t.Fatal(err)
	}
	if flags&topDir == 0 {
		t.Errorf("the flags are %#x, without %#x: the kernel will keep all runs in one place of the disk", flags, topDir)
	}
}
