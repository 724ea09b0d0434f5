//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// What a process may hold at the most, whatever is asked of it. A server that is
// idle has some 30 MB and a connector some 15; the rest is what passes through, and
// what Go's collector leaves for later. None grows with the size of the load: each
// bound is far below the output, the line or the list that is sent through.
const (
	serverBound    = 200 << 20
	connectorBound = 80 << 20
	// healthBar is what the 99th percentile of the health check should keep to; it
	// is reported. healthBound is what no answer may take, on the slowest machine.
	healthBar   = 100 * time.Millisecond
	healthBound = 5 * time.Second
)

// load is one thing that there must be a bound for.
type load struct {
	name string
	// full and small are how much of it, with the unit.
	full, small int
	unit        string
	flags       []string
	// bound is how many bytes the server may hold, if not serverBound.
	bound int64
	// run brings the load, and checks what came of it.
	run func(ctx context.Context, b *bench, size int) error
}

func loads() []load {
	return []load{
		{name: "queue", full: 10_000, small: 1000, unit: "executions", flags: []string{"--max-executions", "1"}, run: loadQueue},
		{name: "output", full: 1000, small: 200, unit: "MB", run: loadOutput},
		{name: "line", full: 100, small: 100, unit: "MB", run: loadLine},
		{name: "lines", full: 1_000_000, small: 1_000_000, unit: "lines", run: loadLines},
		{name: "followers", full: 1000, small: 1000, unit: "followers", run: loadFollowers},
		{name: "steps", full: 5000, small: 500, unit: "steps", run: loadSteps},
		// A pipeline's text is read into a tree that is many times its length.
		{name: "requests", full: 1, small: 1, unit: "of each kind", bound: 400 << 20, run: loadRequests},
		{name: "texts", full: 8, small: 2, unit: "of 9 MB at once", bound: 600 << 20, run: loadTexts},
	}
}

// bench is a server under a load.
type bench struct {
	stand  *stand
	client *client
	kept   *promise
	note   string // what else is worth a place in the table

	mu     sync.Mutex
	server *server
}

// pid is that of the server that is up now.
func (b *bench) pid() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server.pid()
}

// up starts a server, in place of one that is killed if there is any.
func (b *bench) up(ctx context.Context, flags ...string) error {
	if b.server != nil {
		b.client.at("")
		if err := b.server.end(unix.SIGKILL); err != nil {
			return err
		}
	}
	v, err := b.stand.startAndAwait(ctx, flags...)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.server = v
	b.mu.Unlock()
	b.client.at(v.url)
	return nil
}

// runBounds is the mode that loads.
func runBounds(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("chaos bounds", flag.ContinueOnError)
	f.SetOutput(out)
	bin := f.String("bin", "bin", "folder of the built programs")
	size := f.String("size", "full", "full, or small: what a test has time for")
	only := f.String("only", "", "these loads only, by name: queue, output, line, lines, followers, steps, requests, texts")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *size != "full" && *size != "small" {
		return fmt.Errorf("-size %s: there are full and small", *size)
	}
	raiseFiles()
	r := &report{}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "load\ttook\tserver: before\tpeak\tconnector: peak\thealth: p50\tp99\tslowest\t")
	var errs []error
	known := false
	for _, l := range loads() {
		if *only != "" && !strings.Contains(","+*only+",", ","+l.name+",") {
			continue
		}
		known = true
		amount := l.full
		if *size == "small" {
			amount = l.small
		}
		if err := measure(ctx, *bin, l, amount, r, table); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
		}
	}
	if !known {
		return fmt.Errorf("-only %s: there is no such load", *only)
	}
	_ = table.Flush()
	fmt.Fprintf(out, "bars: server %d MB, connector %d MB, health p99 %s\n", serverBound>>20, connectorBound>>20, healthBar)
	return errors.Join(append(errs, r.print(out))...)
}

// measure brings one load upon a server of its own.
func measure(ctx context.Context, bin string, l load, amount int, r *report, table io.Writer) (err error) {
	s, err := newStand(bin, "shell")
	if err != nil {
		return err
	}
	defer func() {
		s.killAll()
		if err != nil {
			err = fmt.Errorf("%w\nthe server's last words:\n%s", err, s.serverLog(10))
		}
		err = errors.Join(err, s.remove())
	}()
	b := &bench{stand: s, client: newClient(), kept: r.promise(fmt.Sprintf("%s: %d %s come out as they went in", l.name, amount, l.unit))}
	if err := b.up(ctx, l.flags...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.end(unix.SIGTERM)) }()
	bounded := r.promise(l.name + ": memory stays below its bound, and the health check answers")
	before, _, err := memory(b.pid())
	if err != nil {
		return err
	}
	w := startWatch(ctx, b)
	began := time.Now()
	err = l.run(ctx, b, amount)
	took := time.Since(began)
	seen := w.stop()
	most := int64(serverBound)
	if l.bound > 0 {
		most = l.bound
	}
	bounded.that(seen.server <= most, "the server held %d MB; %d is the most", seen.server>>20, most>>20)
	bounded.that(seen.connector <= connectorBound, "the connector held %d MB; %d is the most", seen.connector>>20, connectorBound>>20)
	bounded.that(seen.failures == "" && len(seen.health) > 0 && seen.quantile(1) < healthBound, "health: slowest %s; %s", seen.quantile(1), seen.failures)
	fmt.Fprintf(table, "%s: %d %s\t%s\t%d MB\t%d MB\t%d MB\t%s\t%s\t%s\t%s\n", l.name, amount, l.unit, took.Round(10*time.Millisecond),
		before>>20, seen.server>>20, seen.connector>>20, millis(seen.quantile(0.5)), millis(seen.quantile(0.99)), millis(seen.quantile(1)), b.note)
	return err
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// raiseFiles lets this program and the server have as many connections as they may.
func raiseFiles() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // what is there may be enough
	}
}
