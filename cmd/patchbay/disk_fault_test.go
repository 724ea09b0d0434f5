//go:build linux

package main

import "testing"

// Trouble with the disk is told to who asks, corrupts nothing, and when it is over
// the server goes on by itself. Each fault is a real one: a disk of its own that is
// filled to the last byte, is made immutable, is frozen, or whose database is locked.
func TestDiskInTrouble(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"full", "read-only", "frozen", "locked"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			chaos(t, "disk", "-fault", fault, "-seed", "1", "-executions", "16", "-trouble", "2s")
		})
	}
}
