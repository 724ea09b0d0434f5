package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Store looks whether the store answers.
func Store(ping func(ctx context.Context) error) Component {
	return Component{Name: "store", Critical: true, Look: func(ctx context.Context) Finding {
		began := time.Now()
		f := Finding{Status: core.HealthPass}
		if err := ping(ctx); err != nil {
			f.Status, f.Message, f.Err = core.HealthFail, "it does not answer", err
		}
		f.Measure, f.Unit, f.Value = "responseTime", "ms", float64(time.Since(began).Microseconds())/1000
		return f
	}}
}

// Queue looks whether the engine answers, and whether it starts what waits.
func Queue(load func() core.QueueLoad) Component {
	return Component{Name: "queue", Critical: true, Look: func(context.Context) Finding {
		now := load()
		f := Finding{Status: core.HealthPass, Measure: "waiting", Unit: "executions", Value: float64(now.Waiting)}
		if now.Paused {
			f.Status, f.Message = core.HealthWarn, "it is paused: nothing new starts"
		}
		return f
	}}
}

// Connectors looks whether any cannot be used. Steps that need others run.
func Connectors(catalog core.Catalog) Component {
	return Component{Name: "connectors", Look: func(ctx context.Context) Finding {
		var broken []string
		for _, c := range catalog.Connectors(ctx) {
			if c.State == core.ConnectorBroken {
				broken = append(broken, c.Name)
			}
		}
		f := Finding{Status: core.HealthPass, Measure: "broken", Unit: "connectors", Value: float64(len(broken))}
		if len(broken) > 0 {
			f.Status, f.Message = core.HealthWarn, "cannot be used: "+strings.Join(broken, ", ")
		}
		return f
	}}
}

const (
	// diskLow is when somebody should look, diskFull when what is triggered could not be
	// stored any more, in bytes.
	diskLow, diskFull = 1 << 30, 16 << 20
	// memoryLow is the part of the memory below which somebody should look.
	memoryLow = 0.05
)

// Disk looks how much is free where a folder is.
func Disk(folder string) Component {
	return Component{Name: "disk", Critical: true, Look: func(context.Context) Finding {
		free, err := freeDisk(folder)
		f := Finding{Status: core.HealthPass, Measure: "free", Unit: "bytes", Value: float64(free)}
		switch {
		case err != nil:
			f.Status, f.Message, f.Err = core.HealthFail, "the data folder cannot be looked at", err
		case free < diskFull:
			f.Status, f.Message = core.HealthFail, fmt.Sprintf("%d MiB are free for the data folder; make room", free>>20)
		case free < diskLow:
			f.Status, f.Message = core.HealthWarn, fmt.Sprintf("%d MiB are free for the data folder", free>>20)
		}
		return f
	}}
}

// Memory looks how much of the memory that this process may have is left: of its
// control group's, where that has a limit, of the machine's otherwise.
func Memory() Component {
	return Component{Name: "memory", Look: func(context.Context) Finding {
		available, total, err := freeMemory("/proc", "/sys/fs/cgroup")
		f := Finding{Status: core.HealthPass, Measure: "available", Unit: "bytes", Value: float64(available)}
		switch {
		case err != nil:
			f.Message = "this system does not say" // and that is no reason to worry
		case float64(available) < memoryLow*float64(total):
			f.Status, f.Message = core.HealthWarn, fmt.Sprintf("%d of %d MiB are available", available>>20, total>>20)
		}
		return f
	}}
}
