//go:build !linux

package main

import (
	"syscall"
	"time"
)

// Without /proc and subreapers, an attempt's processes are those of its group.

func adoptOrphans() {}

func waitForExit(pid int, _ string) {
	for syscall.Kill(pid, 0) == nil {
		time.Sleep(killPause)
	}
}

func groupAlive(leader int) bool { return syscall.Kill(-leader, 0) == nil }

func marked(int, map[string]bool) bool { return false }

func sessionOf(int) int { return -1 }

func reapOrphans(func(int) bool) []int { return nil }

func killMarked(map[string]bool) bool { return false }
