//go:build !linux

package workspace

import "os"

// ScratchFolder is where attempts' private files are best kept.
func ScratchFolder() string { return os.TempDir() }
