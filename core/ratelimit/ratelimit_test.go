package ratelimit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// clock stands still unless it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newLimiter(limit int64, per time.Duration) (*Limiter, *clock) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return New(Rate{limit, per}, c.now), c
}

func take(t *testing.T, l *Limiter, key string) core.RateState {
	t.Helper()
	state, err := l.Take(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// As many as the limit come at once; then one each time a share has passed, and who
// waits for as long as they were told gets in.
func TestTake(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(3, time.Minute)
	for i := range 3 {
		if state := take(t, l, "a"); !state.Allowed || state.Remaining != int64(2-i) || state.Limit != 3 || state.Per != time.Minute ||
			state.Reset.Sub(c.at) != time.Duration(i+1)*20*time.Second {
			t.Errorf("%d: %+v", i, state)
		}
	}
	for range 5 { // those refused make it no worse
		if state := take(t, l, "a"); state.Allowed || state.Remaining != 0 || state.Reset.Sub(c.at) != 20*time.Second {
			t.Errorf("%+v", state)
		}
	}
	if state := take(t, l, "b"); !state.Allowed {
		t.Error("another key is refused")
	}
	c.at = c.at.Add(20*time.Second - 1)
	if state := take(t, l, "a"); state.Allowed {
		t.Error("too early")
	}
	c.at = c.at.Add(1)
	if state := take(t, l, "a"); !state.Allowed || state.Remaining != 0 {
		t.Errorf("%+v", state)
	}
	c.at = c.at.Add(time.Hour)
	if state, err := l.Left(t.Context(), "a"); err != nil || state.Remaining != 3 || !state.Reset.Equal(c.at) {
		t.Errorf("%+v, %v", state, err)
	}
}

// However many ask at a time, no more than the limit get in.
func TestTakeTogether(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter(100, time.Hour)
	var group sync.WaitGroup
	var in atomic.Int64
	for range 20 {
		group.Go(func() {
			for range 20 {
				if state, err := l.Take(t.Context(), "a"); err == nil && state.Allowed {
					in.Add(1)
				}
			}
		})
	}
	group.Wait()
	if in.Load() != 100 {
		t.Errorf("%d got in", in.Load())
	}
}

// What is remembered is bounded, and what is over is forgotten first.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(2, time.Minute)
	for i := range maxKeys {
		take(t, l, fmt.Sprint(i))
	}
	c.at = c.at.Add(time.Hour)
	for i := range 3 * maxKeys {
		take(t, l, fmt.Sprint("x", i))
	}
	if n := len(l.full); n > maxKeys {
		t.Errorf("%d keys", n)
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{"1000/h": {1000, time.Hour}, " 20 / 15m ": {20, 15 * time.Minute}, "5/s": {5, time.Second}, "off": {}, "1/24h": {1, 24 * time.Hour}} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q", text, got)
		}
	}
	for _, text := range []string{"", "5", "/h", "5/", "0/h", "-1/h", "5/0s", "5/x", "5/25h", "5/10ms", "1e3/h", "99999999/h", "5/h/h", "Off"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	if New(Rate{}, nil) != nil {
		t.Error("no limit is one")
	}
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"1000/h", "20/15m", "off", "", "/", "1/1", "9223372036854775807/h", "1/1h1m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rate, err := ParseRate(text)
		if err != nil {
			return
		}
		if rate != (Rate{}) && (rate.Limit < 1 || rate.Per/time.Duration(rate.Limit) <= 0) {
			t.Errorf("%q: %+v", text, rate)
		}
		if again, err := ParseRate(rate.String()); err != nil || again != rate {
			t.Errorf("%q is written %q: %v", text, rate, err)
		}
	})
}
