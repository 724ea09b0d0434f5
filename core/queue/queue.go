// Package queue decides which execution may start next. It does no I/O, knows no
// clock and starts no goroutines; whoever uses it holds a lock of its own. All that it
// decides from is in the store, so after a restart it is filled anew.
//
// The rules, in their order:
//
//   - What was running before a restart goes first and may exceed every limit, so that
//     a restart stops nothing.
//   - Nothing starts while the queue is paused or all slots are taken. An execution
//     that only waits, for a person or for a group, gives its slot to others (Yield);
//     it gets one back (Reclaim) before anything new starts.
//   - A pipeline at its limit and a group that is held keep back only those they are
//     about. An execution counts against the limit of its pipeline, and holds its
//     group, from its start to its end, also while it has no slot.
//   - The higher priority goes first. So that a low one never starves, it rises by a
//     point with each AgingStarts starts that pass it over, until something of it has
//     started.
//   - Within a priority the pipeline that has the fewest running goes first, of those
//     the one whose last start is longest ago; within a pipeline, the first that came.
//   - In a group one execution, or one stage of one, is in at a time, over all
//     pipelines. All others wait, in the order in which they came, whatever their
//     priority, and all get their turn: none is dropped for a newer one. Stages go
//     before executions: they belong to what has begun, and may keep others waiting.
//   - One that cancels what is in progress supersedes all who are in its group or wait
//     for it: those are returned to be cancelled, do not start any more, and the newest
//     starts when those who were in have ended.
package queue

// AgingStarts is how many starts pass a waiting priority over before it counts for one
// point more.
const AgingStarts = 10

// MaxPriority bounds priorities on both sides; those beyond count as the bound.
const MaxPriority = 200

// Job is an execution that wants to run.
type Job struct {
	ID string
	// Pipeline is the ID by which limits and fairness count; PipelineName is for people.
	Pipeline, PipelineName string
	// Priority orders jobs; the higher goes first.
	Priority int
	// Limit is how many of the pipeline run at once; 0 is no limit. That of the job
	// that came last holds for all of a pipeline: the newest revision decides.
	Limit int
	// Group is the concurrency group; empty is none.
	Group string
	// CancelInProgress supersedes who is in the group, or waits for it.
	CancelInProgress bool
	// Resumed says that it was running before a restart.
	Resumed bool
}

// Queue is the queue of one node. It is not safe for concurrent use. Its operations
// take O(log n), but for Snapshot and what is said of them.
type Queue struct {
	slots, used int
	paused      bool

	jobs      map[string]*job
	started   int // how many of jobs have started
	pipelines map[string]*pipeline
	levels    []*level // the priorities that wait, the highest first
	groups    map[string]*group
	members   map[Member]*member

	resumed  []*job    // to be started
	entered  []*member // to be told that they are in their group
	reclaims []*job    // want their slots back
	returned []*job    // to be told that they have them
	// unsettled are resumed jobs whose stages may not yet be in their groups again.
	unsettled map[string]bool

	arrivals, starts int64
}

// job is a Job in the queue.
type job struct {
	Job
	arrival int64
	line    *line  // while it waits; nil if it was resumed
	group   *group // nil without one
	// supersededBy is the ID of the newer execution that it is cancelled for.
	supersededBy string
	started      bool
	slot         bool // it has started and holds one
	asked        bool // it wants its slot back
	urgent       bool // it gets it at once
	stages       map[*member]bool
	inReady      int
	inGroup      int
}

// New makes a queue for so many at a time.
func New(slots int) *Queue {
	return &Queue{slots: slots, jobs: map[string]*job{}, pipelines: map[string]*pipeline{},
		groups: map[string]*group{}, members: map[Member]*member{}, unsettled: map[string]bool{}}
}

// SetSlots changes how many run at once. What runs beyond that goes on.
func (q *Queue) SetSlots(slots int) { q.slots = slots }

// Slots is how many may run at once.
func (q *Queue) Slots() int { return q.slots }

// Used is how many slots are taken: by what has started and has not yielded.
func (q *Queue) Used() int { return q.used }

// SetPaused says whether nothing new may start.
func (q *Queue) SetPaused(paused bool) { q.paused = paused }

// Paused reports whether the queue is paused.
func (q *Queue) Paused() bool { return q.paused }

// Counts returns how many have started and not ended, and how many wait.
func (q *Queue) Counts() (started, waiting int) { return q.started, len(q.jobs) - q.started }

// Push adds a job; one that is there already is not added again. cancel are the
// executions that it supersedes.
func (q *Queue) Push(j Job) (cancel []string) {
	if q.jobs[j.ID] != nil {
		return nil
	}
	j.Priority = max(-MaxPriority, min(j.Priority, MaxPriority))
	q.arrivals++
	added := &job{Job: j, arrival: q.arrivals, inReady: -1, inGroup: -1}
	q.jobs[j.ID] = added
	q.account(added)
	if j.Group != "" && j.CancelInProgress {
		cancel = q.supersede(j.Group, j.ID)
	}
	if j.Resumed {
		q.resume(added)
		return cancel
	}
	q.lineUp(added)
	if j.Group == "" {
		q.ready(added)
		return cancel
	}
	added.group = q.group(j.Group)
	added.group.jobs.put(added)
	q.offer(added.group)
	return cancel
}

// resume has a job start first. Its group is its own from now on: it was before.
func (q *Queue) resume(j *job) {
	q.resumed = append(q.resumed, j)
	if q.unsettled[j.ID] = true; len(q.unsettled) == 1 {
		q.offerAll() // groups are closed
	}
	if j.Group != "" {
		j.group = q.group(j.Group)
		q.hold(j.group, Member{Group: j.Group, Execution: j.ID})
	}
}

// Remove takes away a job that waits. It is false for one that has started, or is not
// there.
func (q *Queue) Remove(id string) bool {
	j := q.jobs[id]
	if j == nil || j.started {
		return false
	}
	q.leaveLine(j)
	q.forget(j)
	if j.group != nil {
		j.group.jobs.remove(j)
		q.vacate(j.group, Member{Group: j.Group, Execution: id}) // if it was resumed
	}
	q.Settle(id)
	return true
}

// Done ends a job that has started: all that it held is free.
func (q *Queue) Done(id string) {
	j := q.jobs[id]
	if j == nil || !j.started {
		return
	}
	for m := range j.stages {
		q.Leave(m.Member)
	}
	q.Yield(id)
	q.started--
	p := q.pipelines[j.Pipeline]
	p.running--
	p.refresh()
	q.forget(j)
	if j.group != nil {
		q.vacate(j.group, Member{Group: j.Group, Execution: id})
	}
	q.Settle(id)
}

// Settle says that a resumed job has entered the groups of all stages that had begun.
// Until all of them have, nobody else enters a group: it may be one of theirs. A job
// that has ended is settled.
func (q *Queue) Settle(id string) {
	if !q.unsettled[id] {
		return
	}
	delete(q.unsettled, id)
	if len(q.unsettled) == 0 {
		q.offerAll()
	}
}

func (q *Queue) offerAll() {
	for _, g := range q.groups {
		q.offer(g)
	}
}
