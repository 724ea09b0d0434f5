//go:build !linux

package pluginhost

import (
	"io/fs"
	"reflect"
)

// identityOf reads the system's own fields by name: they are called the same on
// the BSDs and on macOS, but have other types.
func identityOf(info fs.FileInfo) identity {
	id := identity{Size: info.Size(), Modified: info.ModTime().UnixNano(), Change: info.ModTime().UnixNano()}
	stat := reflect.Indirect(reflect.ValueOf(info.Sys()))
	if stat.Kind() != reflect.Struct {
		return id
	}
	if device := stat.FieldByName("Dev"); device.CanInt() {
		id.Device = uint64(device.Int())
	}
	if inode := stat.FieldByName("Ino"); inode.CanUint() {
		id.Inode = inode.Uint()
	}
	if change := stat.FieldByName("Ctimespec"); change.IsValid() && change.CanInterface() {
		if c, ok := change.Interface().(interface{ Nano() int64 }); ok {
			id.Change = c.Nano()
		}
	}
	return id
}
