package pluginhost

import (
	"io/fs"
	"syscall"
)

func identityOf(info fs.FileInfo) identity {
	id := identity{Size: info.Size(), Modified: info.ModTime().UnixNano(), Change: info.ModTime().UnixNano()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		id.Device, id.Inode, id.Change = uint64(s.Dev), s.Ino, s.Ctim.Nano()
	}
	return id
}
