//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// probePause is between two health checks, samplePause between two looks at the
// processes' memory.
const (
	probePause  = 10 * time.Millisecond
	samplePause = 50 * time.Millisecond
)

// sight is what was seen of a server under a load.
type sight struct {
	server, connector int64 // the most bytes held
	health            []time.Duration
	failures          string // why a health check failed
}

// quantile is one of the times of the health checks.
func (s *sight) quantile(q float64) time.Duration {
	if len(s.health) == 0 {
		return 0
	}
	return s.health[min(len(s.health)-1, int(q*float64(len(s.health))))]
}

// watch looks at a server until it is stopped.
type watch struct {
	bench *bench
	end   context.CancelFunc
	group sync.WaitGroup
	seen  sight
}

func startWatch(ctx context.Context, b *bench) *watch {
	ctx, end := context.WithCancel(ctx)
	w := &watch{bench: b, end: end}
	w.group.Go(func() { w.probe(ctx) })
	w.group.Go(func() { w.sample(ctx) })
	return w
}

// stop ends the watch and returns what was seen.
func (w *watch) stop() *sight {
	w.end()
	w.group.Wait()
	slices.Sort(w.seen.health)
	return &w.seen
}

// probe asks for health, on a connection of its own, as a load balancer does.
func (w *watch) probe(ctx context.Context) {
	own := newClient()
	for ; ctx.Err() == nil; sleep(ctx, probePause) {
		url := w.bench.client.address()
		own.at(url)
		began := time.Now()
		_, err := own.do(context.WithoutCancel(ctx), http.MethodGet, "/api/healthchecker", nil)
		if url == "" || url != w.bench.client.address() {
			continue // it is being restarted
		}
		w.seen.health = append(w.seen.health, time.Since(began))
		if err != nil {
			w.seen.failures = fmt.Sprintf("health: %v", err)
		}
	}
}

// sample looks at the memory of the server and of its connectors.
func (w *watch) sample(ctx context.Context) {
	for {
		last := ctx.Err() != nil
		if _, peak, err := memory(w.bench.pid()); err == nil {
			w.seen.server = max(w.seen.server, peak)
		}
		for _, pid := range w.bench.stand.connectors() {
			if _, peak, err := memory(pid); err == nil {
				w.seen.connector = max(w.seen.connector, peak)
			}
		}
		if last {
			return
		}
		sleep(ctx, samplePause)
	}
}
