package workspace

import "golang.org/x/sys/unix"

// topDir is FS_TOPDIR_FL of ioctl_iflags(2); see there, and chattr(1) under T.
const topDir = 0x00020000

// Spread tells the file system, if it is one of the ext family, that the folders in
// this one have nothing to do with each other. It then does not keep them together on
// the disk, where it would look for room among all that short runs have just deleted.
// Elsewhere it does nothing.
func Spread(folder string) {
	handle, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(handle)
	flags, err := unix.IoctlGetUint32(handle, unix.FS_IOC_GETFLAGS)
	if err != nil || flags&topDir != 0 {
		return
	}
	_ = unix.IoctlSetPointerInt(handle, unix.FS_IOC_SETFLAGS, int(flags|topDir))
}
