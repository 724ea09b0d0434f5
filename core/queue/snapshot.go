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

// Snapshot returns at most limit of those that wait, by priority and then in the order
// in which they came.
func (q *Queue) Snapshot(limit int) []Waiting {
	var list []*entry
	for _, e := range q.entries {
		if e.state != running {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.seq, b.seq))
	})
	list = list[:min(len(list), limit)]
	waits := make([]Waiting, 0, len(list))
	for _, e := range list {
		waits = append(waits, Waiting{Job: e.Job, Reason: q.reason(e)})
	}
	return waits
}

func (q *Queue) reason(e *entry) string {
	p := q.pipelines[e.Pipeline]
	switch g := q.groups[e.Group]; {
	case q.paused:
		return "the queue is paused"
	case g != nil && g.holder != "":
		return fmt.Sprintf("waits for group %s, which execution %s has", e.Group, g.execution)
	case g != nil && len(g.executions) > 0 && g.executions[0] != e:
		return fmt.Sprintf("waits for group %s, for which execution %s waits before it", e.Group, g.executions[0].ID)
	case e.Limit > 0 && p != nil && p.running >= e.Limit:
		return fmt.Sprintf("%d executions of its pipeline run, and %d is its limit", p.running, e.Limit)
	case q.used >= q.slots:
		return fmt.Sprintf("all %d slots are taken", q.slots)
	}
	return "its turn comes next"
}
