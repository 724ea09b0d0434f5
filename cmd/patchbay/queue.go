package main

import (
	"context"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

func (a *app) newQueueCommand() *cobra.Command {
	command := a.remoteCommand("queue", "What waits and what runs on a server (PATCHBAY_URL, PATCHBAY_TOKEN)", 0,
		a.queueCommand(func(ctx context.Context, r *remote) (*http.Response, error) { return r.api.GetQueue(ctx) }))
	command.AddCommand(
		a.remoteCommand("pause", "Start nothing new; what runs goes on", 0,
			a.queueCommand(func(ctx context.Context, r *remote) (*http.Response, error) { return r.api.PauseQueue(ctx) })),
		a.remoteCommand("resume", "Start what waits again", 0,
			a.queueCommand(func(ctx context.Context, r *remote) (*http.Response, error) { return r.api.ResumeQueue(ctx) })),
		a.newDrainCommand())
	return command
}

func (a *app) newDrainCommand() *cobra.Command {
	var limit time.Duration
	command := a.remoteCommand("drain", "Pause, and wait until nothing runs any more", 0,
		a.queueCommand(func(ctx context.Context, r *remote) (*http.Response, error) {
			seconds := int((limit + time.Second - 1) / time.Second)
			return r.api.DrainQueue(ctx, &client.DrainQueueParams{Timeout: &seconds})
		}))
	command.Flags().DurationVar(&limit, "timeout", time.Minute, "how long to wait, an hour at the most; exit code 1 when something still runs then")
	return command
}

// queueCommand makes a command of a request that answers with the queue.
func (a *app) queueCommand(ask func(context.Context, *remote) (*http.Response, error)) func(context.Context, *remote, []string) error {
	return func(ctx context.Context, r *remote, _ []string) error {
		data, err := r.read(ask(ctx, r))
		if err != nil {
			return err
		}
		return show(a, data, a.printQueue)
	}
}

func (a *app) printQueue(q client.Queue) {
	paused := ""
	if q.Paused {
		paused = ", paused"
	}
	fmt.Fprintf(a.stdout, "%d of %d slots taken, %d waiting%s\n", q.Running, q.Slots, q.Waiting, paused)
	if len(q.Entries) == 0 {
		return
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "EXECUTION\tPIPELINE\tPRIORITY\tWAITS FOR")
	for _, e := range q.Entries {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", e.ExecutionId, e.PipelineName, e.Priority, e.Reason)
	}
}
