package main

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/patchbay-ci/patchbay/sdk"
)

// usage is what a container is seen to use. The Engine forgets it when the container
// ends, so it is followed while it runs: once as soon as it does, and then as the
// Engine tells, each second.
type usage struct {
	stop context.CancelFunc
	done chan struct{}

	mu         sync.Mutex
	cpu        time.Duration
	peakMemory uint64
}

// measure follows a container until addTo.
func (e *engine) measure(ctx context.Context, b begun) *usage {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	u := &usage{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.follow(ctx, e, b.id)
	}()
	return u
}

// follow keeps the largest figures. It gives up when the Engine does: they are worth
// no second try.
func (u *usage) follow(ctx context.Context, e *engine, id string) {
	if once, err := e.api.ContainerStatsOneShot(ctx, id); err == nil {
		_ = u.read(json.NewDecoder(once.Body))
		_ = once.Body.Close()
	}
	stream, err := e.api.ContainerStats(ctx, id, true)
	if err != nil {
		return
	}
	defer stream.Body.Close()
	for decoder := json.NewDecoder(stream.Body); u.read(decoder) == nil; {
		continue
	}
}

// read takes one report. With cgroup v1 it has the peak that the kernel has seen,
// with v2 only what is in use: there, the peak is that of the reports.
func (u *usage) read(reports *json.Decoder) error {
	var report container.StatsResponse
	if err := reports.Decode(&report); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cpu = max(u.cpu, time.Duration(report.CPUStats.CPUUsage.TotalUsage)) // nanoseconds
	u.peakMemory = max(u.peakMemory, report.MemoryStats.MaxUsage, report.MemoryStats.Usage)
	return nil
}

// addTo ends the measuring and notes what was seen, if anything was.
func (u *usage) addTo(result *sdk.Result) {
	u.stop()
	<-u.done
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cpu == 0 && u.peakMemory == 0 {
		return
	}
	if result.Metadata == nil {
		result.Metadata = map[string]string{}
	}
	result.Metadata["cpu_seconds"] = strconv.FormatFloat(u.cpu.Seconds(), 'f', 3, 64)
	result.Metadata["memory_peak_bytes"] = strconv.FormatUint(u.peakMemory, 10)
}
