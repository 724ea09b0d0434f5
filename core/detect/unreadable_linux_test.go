package detect

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFoldersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := makeTree(t, map[string]string{"closed/go.mod": "module a", "open/go.mod": "module b"})
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o700) })
	heedPermissions(t)
	report := detectIn(t, dir, Limits{})
	if len(report.Projects) != 1 || !warned(report, "closed", "permission denied") {
		t.Errorf("found %v, warned %v", summary(report), report.Warnings)
	}
}

// heedPermissions takes from the test's thread the right to read what its mode forbids,
// which root has. The thread ends with the test, since nothing unlocks it.
func heedPermissions(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		t.Fatal(err)
	}
	sets[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&header, &sets[0]); err != nil {
		t.Fatal(err)
	}
}
