package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core/queue"
)

// started takes all that may start now.
func started(q *queue.Queue) string {
	var ids []string
	for job, ok := q.Next(); ok; job, ok = q.Next() {
		ids = append(ids, job.ID)
	}
	return strings.Join(ids, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func reasons(q *queue.Queue) string {
	var list []string
	for _, w := range q.Snapshot(100) {
		list = append(list, w.ID+": "+w.Reason)
	}
	return strings.Join(list, "\n")
}

func TestOrder(t *testing.T) {
	t.Parallel()
	q := queue.New(1)
	for _, job := range []queue.Job{{ID: "a1", Pipeline: "a"}, {ID: "a2", Pipeline: "a"}, {ID: "b1", Pipeline: "b"},
		{ID: "a3", Pipeline: "a", Priority: 5}, {ID: "c1", Pipeline: "c", Priority: -5}} {
		q.Push(job)
		q.Push(job) // twice is once
	}
	var shown, order []string
	for _, w := range q.Snapshot(9) {
		shown = append(shown, w.ID)
	}
	for range 5 {
		id := started(q)
		order = append(order, id)
		q.Done(id)
		q.Done(id)
	}
	// Of one priority, a and b take turns: a has just had its turn when a3 went first.
	if diff := cmp.Diff([]string{"a3", "b1", "a1", "a2", "c1"}, order); diff != "" {
		t.Error(diff)
	}
	if shown[0] != "a3" || shown[4] != "c1" {
		t.Errorf("shown as %v", shown)
	}
}

// However many of a higher priority come, a low one starts after AgingStarts of them
// for each point between the two.
func TestNothingStarves(t *testing.T) {
	t.Parallel()
	for _, distance := range []int{1, 5, 30} {
		q := queue.New(1)
		q.Push(queue.Job{ID: "low", Pipeline: "p", Priority: -distance})
		passed := 0
		for ; ; passed++ {
			q.Push(queue.Job{ID: fmt.Sprint(passed), Pipeline: "q"})
			q.Push(queue.Job{ID: fmt.Sprint(passed, "too"), Pipeline: fmt.Sprint(passed)})
			id := started(q)
			if id == "low" || passed > 10_000 {
				break
			}
			q.Done(id)
		}
		if bound := queue.AgingStarts * (distance + 1); passed != bound {
			t.Errorf("%d points lower: passed over %d times, want %d", distance, passed, bound)
		}
	}
}

// A pipeline that floods the queue takes no more than its share.
func TestFairness(t *testing.T) {
	t.Parallel()
	q := queue.New(6)
	for i := range 1000 {
		q.Push(queue.Job{ID: fmt.Sprintf("flood%d", i), Pipeline: "flood"})
	}
	want(t, "alone, it has everything", fmt.Sprint(len(strings.Fields(started(q)))), "6")
	for i := range 10 {
		q.Push(queue.Job{ID: fmt.Sprintf("b%d", i), Pipeline: "b"}) // long after
		q.Push(queue.Job{ID: fmt.Sprintf("c%d", i), Pipeline: "c"})
	}
	for i := range 6 {
		q.Done(fmt.Sprintf("flood%d", i))
	}
	want(t, "then each has as many as the others", started(q), "b0 c0 flood6 b1 c1 flood7")
	q.Done("b0")
	q.Done("b1")
	want(t, "it goes by who has the fewest", started(q), "b2 b3")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	q := queue.New(3)
	for i := range 4 {
		q.Push(queue.Job{ID: fmt.Sprintf("a%d", i), Pipeline: "a", Limit: 1})
		q.Push(queue.Job{ID: fmt.Sprintf("b%d", i), Pipeline: "b"})
	}
	want(t, "three slots, one of a", started(q), "a0 b0 b1")
	want(t, "why they wait", reasons(q), `b2: all 3 slots are taken
b3: all 3 slots are taken
a1: 1 executions of its pipeline run; 1 is its limit
a2: 1 executions of its pipeline run; 1 is its limit
a3: 1 executions of its pipeline run; 1 is its limit`)
	q.Done("a0")
	want(t, "a's turn", started(q), "a1")
	q.SetPaused(true)
	q.Done("a1")
	want(t, "paused", started(q), "")
	want(t, "said so", q.Snapshot(1)[0].Reason, "the queue is paused")
	q.Push(queue.Job{ID: "was running", Pipeline: "a", Limit: 1, Resumed: true})
	want(t, "but what ran before goes on", started(q), "was running")
	q.SetPaused(false)
	if !q.Remove("b2") || q.Remove("b2") || q.Remove("b0") {
		t.Error("what waits can be removed, once; what runs cannot")
	}
	q.Done("b0")
	want(t, "b2 is gone", started(q), "b3")
	q.SetSlots(5)
	want(t, "a is at its limit", started(q), "")
	q.Push(queue.Job{ID: "a4", Pipeline: "a", Limit: 3})
	want(t, "the newest limit holds for all", started(q), "a2 a3")
}

func TestSlotsOfThoseWhoWait(t *testing.T) {
	t.Parallel()
	q := queue.New(1)
	q.Push(queue.Job{ID: "1", Pipeline: "p"})
	q.Push(queue.Job{ID: "2", Pipeline: "p"})
	want(t, "first", started(q), "1")
	q.Yield("1")
	want(t, "2 has the slot of 1", started(q), "2")
	q.Push(queue.Job{ID: "3", Pipeline: "p"})
	q.Reclaim("1")
	q.Reclaim("1")
	next := func() string { id, _ := q.NextSlot(); return id }
	want(t, "none is free", next(), "")
	q.Done("2")
	want(t, "1 goes before new ones", started(q), "")
	want(t, "it has its slot", next(), "1")
	want(t, "once", next(), "")
	q.Done("1")
	want(t, "3 at last", started(q), "3")

	q.Push(queue.Job{ID: "4", Pipeline: "p"})
	q.Yield("3")
	want(t, "4 has the slot of 3", started(q), "4")
	q.Reclaim("3")
	want(t, "3 waits", next(), "")
	q.Expedite("3")
	want(t, "but not when it only has to clean up", next(), "3")
	if q.Used() != 2 {
		t.Errorf("%d slots are taken", q.Used())
	}
}

func TestPriorityIsBounded(t *testing.T) {
	t.Parallel()
	q := queue.New(1)
	q.Push(queue.Job{ID: "1", Pipeline: "p", Priority: queue.MaxPriority})
	q.Push(queue.Job{ID: "2", Pipeline: "p", Priority: 1 << 40})
	want(t, "beyond the bound there are no others", started(q), "1")
	if got := q.Snapshot(5); len(got) != 1 || got[0].Priority != queue.MaxPriority {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(q.Push(queue.Job{ID: "2"}), nil) {
		t.Error("pushed again")
	}
}
