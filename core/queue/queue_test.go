package queue_test

import (
	"fmt"
	"math/rand/v2"
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

func TestOrder(t *testing.T) {
	t.Parallel()
	q := queue.New(1)
	for _, job := range []queue.Job{{ID: "a1", Pipeline: "a"}, {ID: "a2", Pipeline: "a"}, {ID: "b1", Pipeline: "b"},
		{ID: "a3", Pipeline: "a", Priority: 5}, {ID: "c1", Pipeline: "c", Priority: -5}} {
		q.Push(job)
		q.Push(job) // twice is once
	}
	var order []string
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
}

func TestNothingStarves(t *testing.T) {
	t.Parallel()
	q := queue.New(1)
	q.Push(queue.Job{ID: "low", Pipeline: "p", Priority: -100})
	for i := range 20 {
		q.Push(queue.Job{ID: fmt.Sprint(i), Pipeline: "q", Priority: 100})
		id := started(q)
		if id == "low" {
			return
		}
		q.Done(id)
	}
	t.Error("what has a low priority never starts")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	q := queue.New(3)
	for i := range 4 {
		q.Push(queue.Job{ID: fmt.Sprintf("a%d", i), Pipeline: "a", Limit: 1})
		q.Push(queue.Job{ID: fmt.Sprintf("b%d", i), Pipeline: "b"})
	}
	want(t, "three slots, one of a", started(q), "a0 b0 b1")
	reasons := q.Snapshot(3)
	want(t, "of a", reasons[0].Reason, "1 executions of its pipeline run, and 1 is its limit")
	want(t, "of b", reasons[2].Reason, "all 3 slots are taken")
	q.Done("a0")
	want(t, "a's turn", started(q), "a1")
	q.SetPaused(true)
	q.Done("a1")
	want(t, "paused", started(q), "")
	q.Push(queue.Job{ID: "was running", Pipeline: "a", Limit: 1, Resumed: true})
	want(t, "but what ran before goes on", started(q), "was running")
	q.SetPaused(false)
	if !q.Remove("b2") || q.Remove("b2") || q.Remove("b0") {
		t.Error("what waits can be removed, once; what runs cannot")
	}
	q.Done("b0")
	want(t, "b2 is gone", started(q), "b3")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	q := queue.New(10)
	for _, id := range []string{"1", "2", "3"} {
		q.Push(queue.Job{ID: id, Pipeline: "p" + id, Group: "g"})
	}
	q.Push(queue.Job{ID: "free", Pipeline: "p1"})
	want(t, "one of the group", started(q), "1 free")
	want(t, "why 2 waits", q.Snapshot(9)[0].Reason, "waits for group g, which execution 1 has")
	q.Done("1")
	want(t, "the next", started(q), "2")
	q.Remove("3")
	q.Push(queue.Job{ID: "4", Pipeline: "p1", Group: "g"})
	if cancel := q.Push(queue.Job{ID: "5", Pipeline: "p5", Group: "g", CancelInProgress: true}); !slices.Equal(cancel, []string{"2", "4"}) {
		t.Errorf("for 5, %v are cancelled", cancel)
	}
	q.Remove("4")
	want(t, "not before 2 has ended", started(q), "")
	q.Done("2")
	want(t, "then", started(q), "5")
}

func TestStagesInGroups(t *testing.T) {
	t.Parallel()
	q := queue.New(10)
	stage := func(execution, name string) queue.Member {
		return queue.Member{Group: "g", Execution: execution, Stage: name}
	}
	enter := func(m queue.Member) bool { granted, _ := q.Enter(m, false, false); return granted }
	if !enter(stage("1", "a")) || enter(stage("1", "b")) || enter(stage("2", "a")) {
		t.Error("one stage at a time, also of one execution")
	}
	q.Push(queue.Job{ID: "3", Pipeline: "p", Group: "g"})
	want(t, "an execution waits for a stage", started(q), "")
	if got := q.Leave(stage("1", "a")); !slices.Equal(got, []queue.Member{stage("1", "b")}) {
		t.Errorf("after the first: %v", got)
	}
	q.Leave(stage("2", "a")) // does not want any more
	if got := q.Leave(stage("1", "b")); got != nil {
		t.Errorf("after the last: %v", got)
	}
	want(t, "the execution", started(q), "3")
	if !enter(stage("3", "a")) {
		t.Error("an execution that has the group has it for its stages")
	}
	if granted, cancel := q.Enter(stage("4", "a"), true, false); granted || !slices.Equal(cancel, []string{"3"}) {
		t.Errorf("%v, %v", granted, cancel)
	}
	if got := q.Done("3"); !slices.Equal(got, []queue.Member{stage("4", "a")}) {
		t.Errorf("after 3: %v", got)
	}
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
	q.Done("2")
	want(t, "1 goes before new ones", started(q), "")
	if id, ok := q.NextReclaim(); !ok || id != "1" {
		t.Errorf("%q, %v", id, ok)
	}
	if _, ok := q.NextReclaim(); ok {
		t.Error("twice")
	}
	q.Done("1")
	want(t, "3 at last", started(q), "3")
}

// Whatever happens in whatever order: never more than slots and limits let, never two in
// a group, and in the end everything has run.
func TestRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 4))
		slots := 1 + random.IntN(4)
		q := queue.New(slots)
		jobs := map[string]queue.Job{}
		var running []string
		waiting, pushed := map[string]bool{}, 0
		step := func(mayPush bool) {
			switch n := random.IntN(10); {
			case n < 4 && mayPush:
				pipeline := random.IntN(3)
				job := queue.Job{ID: fmt.Sprint(pushed), Pipeline: fmt.Sprint(pipeline), Limit: pipeline, Priority: random.IntN(3)}
				if random.IntN(2) == 0 {
					job.Group = fmt.Sprint("g", random.IntN(2))
				}
				pushed++
				jobs[job.ID], waiting[job.ID] = job, true
				q.Push(job)
			case n < 5:
				for id := range waiting {
					q.Remove(id)
					delete(waiting, id)
					break
				}
			case n < 6:
				q.SetPaused(mayPush && random.IntN(2) == 0)
			case len(running) > 0:
				at := random.IntN(len(running))
				q.Done(running[at])
				running = slices.Delete(running, at, at+1)
			}
			for job, ok := q.Next(); ok; job, ok = q.Next() {
				if !waiting[job.ID] {
					t.Fatalf("seed %d: %s starts, and does not wait", seed, job.ID)
				}
				delete(waiting, job.ID)
				running = append(running, job.ID)
			}
			perPipeline, perGroup := map[string]int{}, map[string]int{}
			for _, id := range running {
				job := jobs[id]
				perPipeline[job.Pipeline]++
				if job.Group != "" {
					perGroup[job.Group]++
				}
				if job.Limit > 0 && perPipeline[job.Pipeline] > job.Limit || perGroup[job.Group] > 1 {
					t.Fatalf("seed %d: too many run: %v", seed, running)
				}
			}
			if runs, waits := q.Counts(); runs != len(running) || waits != len(waiting) || runs > slots {
				t.Fatalf("seed %d: %d run, %d wait; the queue says %d and %d", seed, len(running), len(waiting), runs, waits)
			}
		}
		for range 300 {
			step(true)
		}
		q.SetPaused(false)
		for range 3000 {
			step(false)
		}
		if len(running)+len(waiting) > 0 {
			t.Fatalf("seed %d: %d still run, %v still wait: %+v", seed, len(running), waiting, q.Snapshot(9))
		}
	}
}

func BenchmarkTenThousandWaiting(b *testing.B) {
	q := queue.New(64)
	for i := range 10_000 {
		q.Push(queue.Job{ID: fmt.Sprint(i), Pipeline: fmt.Sprint(i % 100), Limit: 2})
	}
	i := 10_000
	b.ReportAllocs()
	for b.Loop() {
		job, ok := q.Next()
		if !ok {
			b.Fatal("nothing may start")
		}
		q.Done(job.ID)
		q.Push(queue.Job{ID: fmt.Sprint(i), Pipeline: fmt.Sprint(i % 100), Limit: 2})
		i++
	}
}
