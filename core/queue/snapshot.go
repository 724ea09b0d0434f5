package queue

import (
	"cmp"
	"fmt"
	"slices"
)

// Waiting is a job that waits, and why.
type Waiting struct {
	Job
	Reason string
}

// Snapshot returns the first of those that wait, at most limit, in the order in which
// they would start if nothing came and nothing ended; what a limit or a group keeps
// back comes last. It takes O(n log n).
func (q *Queue) Snapshot(limit int) []Waiting {
	turns := q.turns()
	slices.SortFunc(turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.kept, b.kept), cmp.Compare(b.job.Priority, a.job.Priority),
			cmp.Compare(a.rank, b.rank), cmp.Compare(a.last, b.last), cmp.Compare(a.job.arrival, b.job.arrival))
	})
	if best := q.choose(); best != nil { // the one that may be due by its age
		first := best.lines.first().ready.first()
		at := slices.IndexFunc(turns, func(t turn) bool { return t.job == first })
		copy(turns[1:], turns[:at])
		turns[0] = turn{job: first}
	}
	list := make([]Waiting, 0, min(len(turns), limit))
	for _, t := range turns[:cap(list)] {
		list = append(list, Waiting{Job: t.job.Job, Reason: q.reason(t.job)})
	}
	return list
}

// turn is what the place of a job is decided by.
type turn struct {
	job *job
	// kept is 0 for what only waits for its turn, 1 for what is kept back, and 2 for
	// what will not start at all.
	kept int
	// rank is how many of its pipeline run, or will have started, before it.
	rank int
	last int64
}

func (q *Queue) turns() []turn {
	turns := make([]turn, 0, len(q.jobs)-q.started)
	for _, j := range q.jobs {
		if !j.started {
			turns = append(turns, turn{job: j})
		}
	}
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.job.arrival, b.job.arrival) })
	before := map[*line]int{}
	for i := range turns {
		t := &turns[i]
		l := t.job.line
		switch {
		case l == nil: // resumed
		case t.job.supersededBy != "":
			t.kept = 2
		case t.job.inReady < 0:
			t.kept = 1
		default:
			t.rank, t.last = l.pipeline.running+before[l], l.pipeline.last
			before[l]++
			if limit := l.pipeline.limit; limit > 0 && t.rank >= limit {
				t.kept = 1
			}
		}
	}
	return turns
}

// reason says what keeps a job from starting.
func (q *Queue) reason(j *job) string {
	p, g := q.pipelines[j.Pipeline], j.group
	switch {
	case j.supersededBy != "":
		return fmt.Sprintf("is being cancelled for execution %s, which is newer in group %s", j.supersededBy, j.Group)
	case q.paused:
		return "the queue is paused"
	case g != nil && len(g.holders) > 0:
		return fmt.Sprintf("waits for group %s, held by execution %s", g.name, g.holders[0].Execution)
	case g != nil && g.jobs.first() != j:
		return fmt.Sprintf("waits for group %s, and execution %s comes before it", g.name, g.jobs.first().ID)
	case g != nil && len(q.unsettled) > 0:
		return fmt.Sprintf("waits for group %s, until what ran before the restart is in its groups again", g.name)
	case p.full():
		return fmt.Sprintf("%d executions of its pipeline run; %d is its limit", p.running, p.limit)
	case q.used >= q.slots:
		return fmt.Sprintf("all %d slots are taken", q.slots)
	}
	return "its turn comes next"
}
