//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// loadQueue fills the queue behind one execution that waits, kills the server, and
// has another one, which runs many at once, take over all of it.
func loadQueue(ctx context.Context, b *bench, count int) error {
	blocker, err := b.runOnce(ctx, oneStep(`while [ ! -e "$DIR/go" ]; do sleep 0.05; done`))
	if err != nil {
		return err
	}
	pipeline, err := b.client.create(ctx, oneStep(":"))
	if err != nil {
		return err
	}
	began := time.Now()
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(count))
	failures := make(chan error, clients)
	for range clients {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := b.client.trigger(ctx, pipeline, nil); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	took := time.Since(began)
	pending, err := b.client.executions(ctx, "pending")
	if err != nil {
		return err
	}
	b.kept.that(len(pending) == count, "%d wait, want %d", len(pending), count)
	began = time.Now()
	if err := b.up(ctx); err != nil {
		return err
	}
	recovered := time.Since(began)
	if err := os.WriteFile(filepath.Join(b.stand.marks, "go"), nil, 0o600); err != nil {
		return err
	}
	if _, err := b.ended(ctx, blocker); err != nil {
		return err
	}
	if err := b.drained(ctx); err != nil {
		return err
	}
	done, err := b.client.executions(ctx, "success")
	if err != nil {
		return err
	}
	b.kept.that(len(done) == count+1, "%d ended with success, want %d", len(done), count+1)
	b.note = fmt.Sprintf("triggered %.0f/s; killed, and serving again after %s; run %.0f/s", float64(count)/took.Seconds(),
		recovered.Round(time.Millisecond), float64(count)/time.Since(began).Seconds())
	return nil
}

// drained waits until nothing waits or runs.
func (b *bench) drained(ctx context.Context) error {
	deadline := time.Now().Add(loadLimit)
	for time.Now().Before(deadline) {
		open := 0
		for _, status := range []string{"pending", "running"} {
			var page []execution
			if err := b.client.get(ctx, "/api/ci/executions?limit=1&status="+status, &page); err != nil {
				return err
			}
			open += len(page)
		}
		if open == 0 {
			return nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return fmt.Errorf("not all had ended after %s", loadLimit)
}

// loadSteps runs one pipeline of very many steps.
func loadSteps(ctx context.Context, b *bench, steps int) error {
	const perStage = 100
	var yaml strings.Builder
	yaml.WriteString("name: many\nstages:\n")
	for i := range steps {
		if i%perStage == 0 {
			fmt.Fprintf(&yaml, "  - name: stage-%d\n    parallel: %v\n    steps:\n", i/perStage, i/perStage%2 == 0)
		}
		fmt.Fprintf(&yaml, "      - {name: step-%d, run: echo %d}\n", i, i)
	}
	began := time.Now()
	id, err := b.runOnce(ctx, yaml.String())
	if err != nil {
		return err
	}
	accepted := time.Since(began)
	e, err := b.ended(ctx, id)
	if err != nil {
		return err
	}
	b.kept.that(e.Status == "success", "the execution is %s: %s", e.Status, e.Reason)
	count := 0
	for _, stage := range e.Stages {
		for _, step := range stage.Steps {
			count++
			b.kept.that(step.Status == "success" && step.Attempts == 1, "%s is %s after %d attempts", step.Name, step.Status, step.Attempts)
		}
	}
	b.kept.that(count == steps, "%d steps, want %d", count, steps)
	b.note = fmt.Sprintf("made and triggered in %s", accepted.Round(time.Millisecond))
	return nil
}
