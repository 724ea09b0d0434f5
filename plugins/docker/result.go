package main

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/patchbay-ci/patchbay/sdk"
)

// signalled is what is added to a signal's number to make an exit code.
const signalled = 128

const (
	// eventsWait bounds the search for the cause of a death.
	eventsWait = 5 * time.Second
	// eventsLate is how long after a container's end the Engine may still note the
	// signal that ended it: it sends first and notes then.
	eventsLate = 250 * time.Millisecond
)

// result says how an ended container ended. The Engine reports a death by signal
// as an exit code above 128, and so do shells and ordinary programs; a signal is
// reported only where the Engine also knows its cause.
func (e *engine) result(ctx context.Context, c *container.InspectResponse) sdk.Result {
	state := c.State
	result := sdk.Exited(state.ExitCode)
	signal := signalNames[state.ExitCode-signalled]
	switch {
	case signal == "":
		if state.OOMKilled && state.ExitCode != 0 {
			result.Message += "; one of its processes was killed for want of memory"
		}
	case signal == "SIGKILL" && state.OOMKilled:
		result = sdk.Signalled(signal)
		result.Message = "killed for want of memory"
	case e.wasSent(ctx, c, state.ExitCode-signalled):
		result = sdk.Signalled(signal)
		result.Message += ", sent by way of the Docker Engine"
	default:
		result.Message = fmt.Sprintf("exit code %d (as after %s)", state.ExitCode, signal)
	}
	if state.Error != "" {
		result.Message += ": " + state.Error
	}
	result.Metadata = map[string]string{"container_id": c.ID, "image_id": c.Image,
		"started_at": state.StartedAt, "finished_at": state.FinishedAt}
	if state.OOMKilled {
		result.Metadata["oom_killed"] = "true"
	}
	return result
}

// wasStopped reports whether a container that outlived its Engine was ended by it:
// without live-restore, an Engine stops its containers when it ends, or, if it was
// killed, when it starts again.
func (e *engine) wasStopped(ctx context.Context, c *container.InspectResponse) bool {
	switch c.State.ExitCode - signalled {
	case int(syscall.SIGTERM), int(syscall.SIGKILL):
		return true // the events of an Engine that has ended are gone
	}
	return e.wasSent(ctx, c, anySignal)
}

// anySignal stands for every one in wasSent.
const anySignal = 0

// wasSent asks the Engine's memory of recent events whether somebody sent the
// signal (docker kill, docker stop).
func (e *engine) wasSent(ctx context.Context, c *container.InspectResponse, signal int) bool {
	ctx, cancel := context.WithTimeout(ctx, eventsWait)
	defer cancel()
	finished, err := time.Parse(time.RFC3339Nano, c.State.FinishedAt)
	if err != nil {
		return false
	}
	messages, failed := e.api.Events(ctx, events.ListOptions{
		Since: c.State.StartedAt, Until: finished.Add(eventsLate).Format(time.RFC3339Nano),
		Filters: filters.NewArgs(filters.Arg("container", c.ID), filters.Arg("event", string(events.ActionKill)))})
	for {
		select {
		case message := <-messages:
			if signal == anySignal || message.Actor.Attributes["signal"] == strconv.Itoa(signal) {
				return true
			}
		case <-failed: // io.EOF at the end of what there is
			return false
		}
	}
}

// signalNames are those of Linux, where containers live, whatever this is run on.
var signalNames = map[int]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
	9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
	24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
}
