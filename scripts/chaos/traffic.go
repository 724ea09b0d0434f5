//go:build linux

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// clients is how many send triggers at once.
const clients = 16

// maxBurst is how many triggers come at one moment at the most.
const maxBurst = 24

// traffic sends triggers and remembers what it was told about each.
type traffic struct {
	client   *client
	stand    *stand
	pipeline string
	// accepted is told of each execution, from several goroutines.
	accepted func(executionID string)

	mu           sync.Mutex
	acknowledged map[int]string   // number of the trigger -> execution
	unknown      map[int]bool     // no answer came: it may have an execution, or not
	refused      map[string][]int // the server's words -> status codes
}

func newTraffic(c *client, s *stand, pipeline string) *traffic {
	return &traffic{client: c, stand: s, pipeline: pipeline, accepted: func(string) {},
		acknowledged: map[int]string{}, unknown: map[int]bool{}, refused: map[string][]int{}}
}

// send sends count triggers in bursts spread over a time, numbered from first, and
// returns when each has an answer or can have none any more.
func (t *traffic) send(ctx context.Context, random *rand.Rand, first, count int, over time.Duration) {
	numbers := make(chan int, count)
	var workers sync.WaitGroup
	for range clients {
		workers.Go(func() {
			for number := range numbers {
				t.one(ctx, number)
			}
		})
	}
	pause := over / time.Duration(max(1, 2*count/maxBurst))
	for sent := 0; sent < count && ctx.Err() == nil; {
		for range min(1+random.IntN(maxBurst), count-sent) {
			numbers <- first + sent
			sent++
		}
		sleep(ctx, time.Duration(random.Int64N(int64(2*pause)+1)))
	}
	close(numbers)
	workers.Wait()
}

// one sends a trigger until it has an answer. A refusal means that nothing was
// stored, so it may be sent again; silence means nothing, so it may not.
func (t *traffic) one(ctx context.Context, number int) {
	environment := map[string]string{envTrigger: strconv.Itoa(number), envEffects: t.stand.effects,
		envMarks: t.stand.marks, envStand: t.stand.root}
	for ctx.Err() == nil {
		id, err := t.client.trigger(ctx, t.pipeline, environment)
		var refused *refusal
		switch {
		case err == nil:
			t.mu.Lock()
			t.acknowledged[number] = id
			t.mu.Unlock()
			t.accepted(id)
			return
		case errors.As(err, &refused):
			t.mu.Lock()
			t.refused[refused.Error()] = append(t.refused[refused.Error()], refused.status)
			t.mu.Unlock()
		case !errors.Is(err, errNotSent):
			t.mu.Lock()
			t.unknown[number] = true
			t.mu.Unlock()
			return
		}
		sleep(ctx, 25*time.Millisecond)
	}
}

// sleep waits, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
