//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// keeper keeps a server up, and has it killed.
type keeper struct {
	stand  *stand
	client *client
	flags  []string
	every  time.Duration // between two kills, on average
	starts *promise      // a server that is started serves

	current *server
	kills   int
}

// early is the share of kills that hit a server while it starts and recovers.
const early = 0.3

// torment kills the server at random moments and starts it again, until ctx is
// done. Afterwards no server is up.
func (k *keeper) torment(ctx context.Context, random *rand.Rand) error {
	for ctx.Err() == nil {
		life := k.every/5 + time.Duration(random.Int64N(int64(k.every*8/5)))
		if random.Float64() < early {
			life = time.Duration(random.Int64N(int64(80 * time.Millisecond)))
		}
		v, err := k.stand.start(k.flags...)
		if err != nil {
			return err
		}
		end := time.After(life)
		select {
		case <-v.ready:
			k.starts.that(v.err == nil, "start %d: %v\n%s", k.kills+1, v.err, k.stand.serverLog(5))
			k.client.at(v.url)
			select {
			case <-end:
			case <-ctx.Done():
			}
		case <-end:
		}
		if v.gone() {
			k.starts.check(fmt.Sprintf("the server ended by itself (%s)\n%s", v.command.ProcessState, k.stand.serverLog(5)))
		}
		k.client.at("")
		if err := v.end(syscall.SIGKILL); err != nil {
			return err
		}
		k.kills++
	}
	return nil
}

// up starts a server that is left alone.
func (k *keeper) up(ctx context.Context) error {
	began := time.Now()
	v, err := k.stand.startAndAwait(ctx, k.flags...)
	if err != nil {
		k.starts.check(fmt.Sprintf("%v\n%s", err, k.stand.serverLog(8)))
		return fmt.Errorf("no server after %s: %w", time.Since(began).Round(time.Millisecond), err)
	}
	k.starts.check("")
	k.current = v
	k.client.at(v.url)
	return nil
}

// down ends the server that was left alone.
func (k *keeper) down(signal syscall.Signal) error {
	if k.current == nil {
		return nil
	}
	k.client.at("")
	v := k.current
	k.current = nil
	return v.end(signal)
}

// killConnectors kills one connector after the other until ctx is done, and
// returns how many.
func (s *stand) killConnectors(ctx context.Context, random *rand.Rand, every time.Duration) (kills int) {
	for ctx.Err() == nil {
		sleep(ctx, time.Duration(random.Int64N(int64(2*every))))
		if alive := s.connectors(); len(alive) > 0 && ctx.Err() == nil {
			if syscall.Kill(alive[random.IntN(len(alive))], syscall.SIGKILL) == nil {
				kills++
			}
		}
	}
	return kills
}
