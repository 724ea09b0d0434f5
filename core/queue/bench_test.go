package queue_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/patchbay-ci/patchbay/core/queue"
)

// BenchmarkOneOfMany is what an execution costs, from coming to going, in a queue in
// which this many wait.
func BenchmarkOneOfMany(b *testing.B) {
	for _, waiting := range []int{100, 10_000, 100_000} {
		for what, pipelines := range map[string]int{"100 pipelines": 100, "a pipeline each": waiting} {
			b.Run(fmt.Sprintf("%d waiting, %s", waiting, what), func(b *testing.B) {
				q := queue.New(64)
				push := func(i int) {
					j := queue.Job{ID: fmt.Sprint(i), Pipeline: fmt.Sprint(i % pipelines), Limit: 2, Priority: i % 5}
					if i%2 == 0 {
						j.Group = fmt.Sprint(i % 1000)
					}
					q.Push(j)
				}
				for i := range waiting {
					push(i)
				}
				b.ReportAllocs()
				for i := waiting; b.Loop(); i++ {
					push(i)
					job, ok := q.Next()
					if !ok {
						b.Fatal("nothing may start")
					}
					q.Done(job.ID)
				}
			})
		}
	}
}

func BenchmarkSnapshotOfTenThousand(b *testing.B) {
	q := queue.New(0)
	for i := range 10_000 {
		q.Push(queue.Job{ID: fmt.Sprint(i), Pipeline: fmt.Sprint(i % 100), Priority: i % 5})
	}
	for b.Loop() {
		q.Snapshot(100)
	}
}

// All that a hundred thousand leave behind is let go of.
func TestMemory(t *testing.T) {
	q := queue.New(10)
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	const many = 100_000
	for i := range many {
		q.Push(queue.Job{ID: fmt.Sprint(i), Pipeline: fmt.Sprint(i % 1000), Priority: i % 7, Group: fmt.Sprint(i % 5000)})
	}
	full := used()
	if each := (full - before) / many; each > 1024 {
		t.Errorf("one that waits takes %d bytes", each)
	}
	for i := range many {
		if !q.Remove(fmt.Sprint(i)) {
			t.Fatal("it is not there")
		}
	}
	for range 5 {
		for job, ok := q.Next(); ok; job, ok = q.Next() {
			q.Done(job.ID)
		}
	}
	if after := used(); after > before+(full-before)/2 { // maps keep their tables
		t.Errorf("%d bytes, then %d, and %d when all had gone", before, full, after)
	}
	runtime.KeepAlive(q)
}
