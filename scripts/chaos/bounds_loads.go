//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// loadLimit is how long an execution under load may take.
const loadLimit = 10 * time.Minute

// runOnce makes a pipeline, triggers it and returns the execution's ID.
func (b *bench) runOnce(ctx context.Context, yaml string) (string, error) {
	pipeline, err := b.client.create(ctx, yaml)
	if err != nil {
		return "", err
	}
	return b.client.trigger(ctx, pipeline, map[string]string{envStand: b.stand.root, "DIR": b.stand.marks})
}

// oneStep is a pipeline of one step.
func oneStep(command string) string {
	return fmt.Sprintf("name: load\nstages:\n  - name: s\n    steps:\n      - name: n\n        step_type: shell\n        config: {command: %q}\n", command)
}

// ended waits for the end of an execution.
func (b *bench) ended(ctx context.Context, id string) (execution, error) {
	deadline := time.Now().Add(loadLimit)
	for {
		var e execution
		if err := b.client.get(ctx, "/api/ci/executions/"+id, &e); err != nil {
			return e, err
		}
		if e.FinishedAt != nil {
			return e, nil
		}
		if time.Now().After(deadline) {
			return e, fmt.Errorf("execution %s is still %s after %s", id, e.Status, loadLimit)
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// streamed follows the output of a one-step execution while it comes, hands it to
// check, and waits for the end.
func (b *bench) streamed(ctx context.Context, id string, check func(io.Reader) error) error {
	response, err := b.client.open(ctx, http.MethodGet, "/api/ci/executions/"+id+"/logs?follow=true&stream=stdout", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := check(bufio.NewReaderSize(response.Body, 1<<20)); err != nil {
		return err
	}
	e, err := b.ended(ctx, id)
	if err != nil {
		return err
	}
	b.kept.that(e.Status == "success", "the execution is %s: %s", e.Status, e.Reason)
	return nil
}

// loadOutput has a step print very much, followed while it does so.
func loadOutput(ctx context.Context, b *bench, megabytes int) error {
	const line = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopq\n" // 64 bytes
	size := int64(megabytes) << 20
	id, err := b.runOnce(ctx, oneStep(fmt.Sprintf("yes %s | head -c %d", strings.TrimSpace(line), size)))
	if err != nil {
		return err
	}
	began := time.Now()
	return b.streamed(ctx, id, func(r io.Reader) error {
		buffer, want, total := make([]byte, len(line)<<12), []byte(strings.Repeat(line, 1<<12)), int64(0)
		for {
			n, err := io.ReadFull(r, buffer)
			total += int64(n)
			if string(buffer[:n]) != string(want[:n]) {
				b.kept.check(fmt.Sprintf("the output differs within the %d bytes before %d", n, total))
				return nil
			}
			if err != nil {
				b.kept.that(total == size, "%d bytes came, want %d", total, size)
				b.note = fmt.Sprintf("%.0f MB/s", float64(total)/1e6/time.Since(began).Seconds())
				return ignoreEnd(err)
			}
		}
	})
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// loadLine has a step print one line without an end.
func loadLine(ctx context.Context, b *bench, megabytes int) error {
	size := int64(megabytes) << 20
	id, err := b.runOnce(ctx, oneStep(fmt.Sprintf(`head -c %d /dev/zero | tr '\000' x`, size)))
	if err != nil {
		return err
	}
	return b.streamed(ctx, id, func(r io.Reader) error {
		buffer, total, wrong := make([]byte, 1<<20), int64(0), 0
		for {
			n, err := r.Read(buffer)
			total += int64(n)
			wrong += n - strings.Count(string(buffer[:n]), "x")
			if err != nil {
				b.kept.that(total == size && wrong == 0, "%d bytes came, %d of them wrong; want %d", total, wrong, size)
				return ignoreEnd(err)
			}
		}
	})
}

// loadLines has a step print many short lines.
func loadLines(ctx context.Context, b *bench, lines int) error {
	id, err := b.runOnce(ctx, oneStep(fmt.Sprintf("seq 1 %d", lines)))
	if err != nil {
		return err
	}
	return b.streamed(ctx, id, func(r io.Reader) error {
		scanner, n := bufio.NewScanner(r), 0
		for scanner.Scan() {
			if n++; scanner.Text() != fmt.Sprint(n) {
				b.kept.check(fmt.Sprintf("line %d is %.40q", n, scanner.Text()))
				return nil
			}
		}
		b.kept.that(n == lines, "%d lines came, want %d", n, lines)
		return scanner.Err()
	})
}

// loadFollowers has many follow one log while it is written.
func loadFollowers(ctx context.Context, b *bench, followers int) error {
	const lines = 200
	id, err := b.runOnce(ctx, oneStep(fmt.Sprintf(
		`while [ ! -e "$DIR/go" ]; do sleep 0.05; done; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done`, lines)))
	if err != nil {
		return err
	}
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "line %d\n", i+1)
	}
	limited, stop := context.WithTimeout(ctx, loadLimit)
	defer stop()
	var group sync.WaitGroup
	var resumed atomic.Int64
	for i := range followers {
		group.Go(func() {
			f := b.client.follow(limited, id, "n")
			resumed.Add(int64(f.resumed))
			switch {
			case f.wrong != "":
				b.kept.check(f.wrong)
			case f.ended != "success":
				b.kept.check("the end was told as " + f.ended)
			default:
				b.kept.check(difference(fmt.Sprintf("follower %d", i), f.text, want.String()))
			}
		})
	}
	sleep(ctx, 2*time.Second) // until most are connected; the others begin in mid-log, and miss nothing
	if err := os.WriteFile(filepath.Join(b.stand.marks, "go"), nil, 0o600); err != nil {
		return err
	}
	group.Wait()
	b.note = fmt.Sprintf("%d had to connect again", resumed.Load())
	return nil
}
