//go:build !linux

package main

import "time"

// watchDirectory wakes the reader regularly: there is no inotify here.
func watchDirectory(string) (wake <-chan struct{}, stop func(), err error) {
	ticks := make(chan struct{}, 1)
	ticker := time.NewTicker(killPause)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				select {
				case ticks <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return ticks, func() { ticker.Stop(); close(done) }, nil
}
