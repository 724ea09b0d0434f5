// Package queue decides which execution may run next. It is pure: no I/O, no clock, no
// goroutines; whoever uses it holds a lock of its own. What it decides from is in the
// store, so after a restart it is filled anew.
//
// The rules, in their order: nothing starts while the queue is paused or all slots are
// taken; a pipeline's limit and a concurrency group hold back only those they are
// about; the higher priority goes first; within one priority the pipeline that has the
// fewest running, then the one that has waited longest since its last start; within a
// pipeline the first that came. Every eighth start is given to the oldest that may
// start, whatever its priority: so nothing starves.
package queue

import "slices"

// fairShare is how often the oldest goes first: at every so many starts.
const fairShare = 8

// Job is an execution that wants to run.
type Job struct {
	ID       string
	Pipeline string
	// PipelineName is for people.
	PipelineName string
	// Priority: the higher goes first.
	Priority int
	// Limit is how many of the pipeline run at once; 0 is no limit.
	Limit int
	// Group is the concurrency group, "" for none; one of a group runs at a time.
	Group string
	// CancelInProgress: who is in the group is to be cancelled for this one.
	CancelInProgress bool
	// Resumed: it was running before a restart. It starts whatever the limits say, so
	// that a restart stops nothing.
	Resumed bool
}

// entry is a job in the queue.
type entry struct {
	Job
	seq   int64
	state state
	slot  bool // it holds one
}

type state uint8

const (
	waiting state = iota
	grouped       // waits for its group, which somebody else has
	running
	gone
)

// pipeline is what is known of the jobs of one pipeline.
type pipeline struct {
	running int
	started int64            // number of its last start
	lists   map[int][]*entry // by priority, in the order of coming; may have entries that are gone
}

// Queue is the queue of one node. It is not safe for concurrent use.
type Queue struct {
	slots, used int
	paused      bool
	entries     map[string]*entry
	pipelines   map[string]*pipeline
	groups      map[string]*group
	resumed     []*entry
	reclaims    []*entry
	seq, starts int64
}

// New makes a queue for so many at a time.
func New(slots int) *Queue {
	return &Queue{slots: slots, entries: map[string]*entry{}, pipelines: map[string]*pipeline{}, groups: map[string]*group{}}
}

// SetPaused says whether anything new may start.
func (q *Queue) SetPaused(paused bool) { q.paused = paused }

// Paused reports whether the queue is paused.
func (q *Queue) Paused() bool { return q.paused }

// Counts returns how many run and how many wait.
func (q *Queue) Counts() (runs, waits int) {
	for _, e := range q.entries {
		if e.state == running {
			runs++
		} else {
			waits++
		}
	}
	return runs, waits
}

// Has reports whether a job is there, waiting or running.
func (q *Queue) Has(id string) bool { return q.entries[id] != nil }

// Push adds a job, once, and returns the executions that are to be cancelled for it.
func (q *Queue) Push(job Job) (cancel []string) {
	if q.entries[job.ID] != nil {
		return nil
	}
	q.seq++
	e := &entry{Job: job, seq: q.seq}
	q.entries[job.ID] = e
	if job.Resumed {
		q.resumed = append(q.resumed, e)
		return nil
	}
	if job.Group != "" {
		g := q.group(job.Group)
		if job.CancelInProgress {
			cancel = g.others(job.ID)
		}
		g.executions = append(g.executions, e)
		e.state = grouped
		q.offer(g)
		return cancel
	}
	q.list(e)
	return nil
}

// list puts an entry among those that only wait for their turn.
func (q *Queue) list(e *entry) {
	e.state = waiting
	p := q.pipeline(e.Pipeline)
	list := p.lists[e.Priority]
	// It may have been set back to its group: it keeps its place.
	at, _ := slices.BinarySearchFunc(list, e.seq, func(other *entry, seq int64) int { return int(other.seq - seq) })
	if at < len(list) && list[at] == e {
		return
	}
	p.lists[e.Priority] = slices.Insert(list, at, e)
}

func (q *Queue) pipeline(id string) *pipeline {
	p := q.pipelines[id]
	if p == nil {
		p = &pipeline{lists: map[int][]*entry{}}
		q.pipelines[id] = p
	}
	return p
}

// Next takes the job that may start now; ok is false when none may.
func (q *Queue) Next() (job Job, ok bool) {
	for len(q.resumed) > 0 {
		e := q.resumed[0]
		q.resumed = q.resumed[1:]
		if e.state != gone {
			return q.start(e), true
		}
	}
	if q.paused || q.used >= q.slots || len(q.reclaims) > 0 {
		return Job{}, false
	}
	oldest := (q.starts+1)%fairShare == 0
	var best *entry
	var of *pipeline
	for id, p := range q.pipelines {
		candidate := q.first(p, oldest)
		if candidate == nil {
			if p.running == 0 && len(p.lists) == 0 {
				delete(q.pipelines, id)
			}
			continue
		}
		if best == nil || before(candidate, p, best, of, oldest) {
			best, of = candidate, p
		}
	}
	if best == nil {
		return Job{}, false
	}
	return q.start(best), true
}

// before orders the first jobs of two pipelines.
func before(a *entry, of *pipeline, b *entry, other *pipeline, oldest bool) bool {
	switch {
	case oldest:
		return a.seq < b.seq
	case a.Priority != b.Priority:
		return a.Priority > b.Priority
	case of.running != other.running:
		return of.running < other.running
	case of.started != other.started:
		return of.started < other.started
	}
	return a.seq < b.seq
}

// first returns the job of a pipeline that would start first, or nil.
func (q *Queue) first(p *pipeline, oldest bool) *entry {
	var best *entry
	for priority := range p.lists {
		head := q.head(p, priority)
		if head == nil || head.Limit > 0 && p.running >= head.Limit {
			continue
		}
		if best == nil || oldest && head.seq < best.seq || !oldest && head.Priority > best.Priority {
			best = head
		}
	}
	return best
}

// head returns the first job of a list that waits for nothing but its turn. Those whose
// group somebody has taken meanwhile are set back to it.
func (q *Queue) head(p *pipeline, priority int) *entry {
	list := p.lists[priority]
	for len(list) > 0 {
		e := list[0]
		if e.state == waiting && e.Group != "" && q.group(e.Group).holder != "" {
			e.state = grouped
		}
		if e.state == waiting {
			break
		}
		list = list[1:]
	}
	if len(list) == 0 {
		delete(p.lists, priority)
		return nil
	}
	p.lists[priority] = list
	return list[0]
}

func (q *Queue) start(e *entry) Job {
	p := q.pipeline(e.Pipeline)
	q.starts++
	p.running++
	p.started = q.starts
	if !e.Resumed {
		if list := p.lists[e.Priority]; len(list) > 0 && list[0] == e {
			p.lists[e.Priority] = list[1:]
		}
	}
	e.state, e.slot = running, true
	q.used++
	if e.Group != "" {
		g := q.group(e.Group)
		g.executions = slices.DeleteFunc(g.executions, func(other *entry) bool { return other == e })
		if g.holder == "" || !e.Resumed {
			g.holder, g.execution = e.ID, e.ID
		}
	}
	return e.Job
}

// Remove takes away a job that waits. It is false for one that runs, or is not there.
func (q *Queue) Remove(id string) bool {
	e := q.entries[id]
	if e == nil || e.state == running {
		return false
	}
	q.forget(e)
	return true
}

func (q *Queue) forget(e *entry) {
	if e.Group != "" {
		g := q.group(e.Group)
		g.executions = slices.DeleteFunc(g.executions, func(other *entry) bool { return other == e })
		defer q.offer(g)
	}
	e.state = gone
	delete(q.entries, e.ID)
}

// Done ends a job that runs. It returns the stages that may enter their group now.
func (q *Queue) Done(id string) (granted []Member) {
	e := q.entries[id]
	if e == nil || e.state != running {
		return nil
	}
	q.pipeline(e.Pipeline).running--
	if e.slot {
		q.used--
	}
	q.reclaims = slices.DeleteFunc(q.reclaims, func(other *entry) bool { return other == e })
	e.state = gone
	delete(q.entries, id)
	if e.Group != "" {
		if g := q.group(e.Group); g.holder == id {
			granted = q.pass(g)
		}
	}
	return granted
}

// Yield gives the slot of a job that runs to others, while it only waits for something.
func (q *Queue) Yield(id string) {
	if e := q.entries[id]; e != nil && e.state == running && e.slot {
		e.slot = false
		q.used--
	}
}

// Reclaim asks for the slot back; see NextReclaim.
func (q *Queue) Reclaim(id string) {
	if e := q.entries[id]; e != nil && e.state == running && !e.slot && !slices.Contains(q.reclaims, e) {
		q.reclaims = append(q.reclaims, e)
	}
}

// NextReclaim takes a job that gets its slot back now. They go before new ones, also
// while the queue is paused: they are running.
func (q *Queue) NextReclaim() (id string, ok bool) {
	if len(q.reclaims) == 0 || q.used >= q.slots {
		return "", false
	}
	e := q.reclaims[0]
	q.reclaims = q.reclaims[1:]
	e.slot = true
	q.used++
	return e.ID, true
}

// Used is how many slots are taken.
func (q *Queue) Used() int { return q.used }

// Slots is how many may run at once.
func (q *Queue) Slots() int { return q.slots }
