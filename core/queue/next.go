package queue

import (
	"cmp"
	"slices"
)

// pipeline is what is known of the jobs of one pipeline, while there are any.
type pipeline struct {
	id      string
	limit   int
	jobs    int // all that are there
	running int
	last    int64         // when it last started one, in starts of the queue
	lines   map[int]*line // by priority
}

func (p *pipeline) full() bool { return p.limit > 0 && p.running >= p.limit }

// line is the waiting jobs of one pipeline and priority.
type line struct {
	pipeline *pipeline
	level    *level
	waiting  int // all of them
	// ready are those that no group keeps back, in the order in which they came.
	ready   ordered[*job]
	inLevel int
}

// level is the waiting jobs of one priority.
type level struct {
	priority int
	waiting  int
	// lines are those that something may start of, in the order of fairness.
	lines ordered[*line]
	// passed is how many starts have passed it over since one of it started.
	passed int
}

// worth is its priority with what it has gained by waiting.
func (l *level) worth() int { return l.priority + l.passed/AgingStarts }

func fairer(a, b *line) bool {
	return cmp.Or(cmp.Compare(a.pipeline.running, b.pipeline.running),
		cmp.Compare(a.pipeline.last, b.pipeline.last),
		cmp.Compare(a.ready.first().arrival, b.ready.first().arrival)) < 0
}

// Next takes the job that may start now; ok is false when none may. NextSlot goes
// before it: while somebody wants its slot back, only resumed jobs start.
func (q *Queue) Next() (Job, bool) {
	for len(q.resumed) > 0 {
		j := q.resumed[0]
		q.resumed = q.resumed[1:]
		if q.jobs[j.ID] == j {
			q.start(j)
			return j.Job, true
		}
	}
	if q.paused || q.used >= q.slots || len(q.reclaims) > 0 {
		return Job{}, false
	}
	chosen := q.choose()
	if chosen == nil {
		return Job{}, false
	}
	for _, l := range q.levels {
		if l.priority < chosen.priority && !l.lines.empty() {
			l.passed++
		}
	}
	chosen.passed = 0
	j := chosen.lines.first().ready.first()
	q.start(j)
	return j.Job, true
}

// choose returns the level that the next start is of, or nil. It looks at each
// priority that waits, of which there are few.
func (q *Queue) choose() *level {
	var best *level
	for _, l := range q.levels { // the highest first: it wins when both are worth the same
		if !l.lines.empty() && (best == nil || l.worth() > best.worth()) {
			best = l
		}
	}
	return best
}

func (q *Queue) start(j *job) {
	q.starts++
	q.started++
	q.used++
	j.started, j.slot = true, true
	q.leaveLine(j)
	p := q.pipelines[j.Pipeline]
	p.running++
	p.last = q.starts
	p.refresh()
	if j.group != nil {
		j.group.jobs.remove(j)
		q.hold(j.group, Member{Group: j.Group, Execution: j.ID})
	}
}

// account is the pipeline of a job that has come; the newest limit holds.
func (q *Queue) account(j *job) {
	p := q.pipelines[j.Pipeline]
	if p == nil {
		p = &pipeline{id: j.Pipeline, lines: map[int]*line{}}
		q.pipelines[j.Pipeline] = p
	}
	p.jobs++
	if p.limit != j.Limit {
		p.limit = j.Limit
		p.refresh()
	}
}

// forget is called when a job is there no more.
func (q *Queue) forget(j *job) {
	delete(q.jobs, j.ID)
	p := q.pipelines[j.Pipeline]
	if p.jobs--; p.jobs == 0 {
		delete(q.pipelines, p.id)
	}
}

// refresh puts the lines of a pipeline where they belong after its account has changed.
func (p *pipeline) refresh() {
	for _, l := range p.lines {
		l.refresh()
	}
}

func (l *line) refresh() {
	if l.ready.empty() || l.pipeline.full() {
		l.level.lines.remove(l)
	} else {
		l.level.lines.put(l)
	}
}

// lineUp counts a job among those that wait.
func (q *Queue) lineUp(j *job) {
	p := q.pipelines[j.Pipeline]
	l := p.lines[j.Priority]
	if l == nil {
		l = &line{pipeline: p, level: q.level(j.Priority), inLevel: -1, ready: ordered[*job]{less: earlier, place: func(j *job) *int { return &j.inReady }}}
		p.lines[j.Priority] = l
	}
	j.line = l
	l.waiting++
	l.level.waiting++
}

func earlier(a, b *job) bool { return a.arrival < b.arrival }

// leaveLine undoes lineUp and ready.
func (q *Queue) leaveLine(j *job) {
	l := j.line
	if l == nil {
		return
	}
	q.unready(j)
	j.line = nil
	l.waiting--
	l.level.waiting--
	if l.waiting == 0 {
		delete(l.pipeline.lines, l.level.priority)
	}
	if l.level.waiting == 0 {
		at, _ := q.findLevel(l.level.priority)
		q.levels = slices.Delete(q.levels, at, at+1)
	}
}

// ready lets a job that waits for its turn only be chosen; unready takes that back.
func (q *Queue) ready(j *job) {
	j.line.ready.put(j)
	j.line.refresh()
}

func (q *Queue) unready(j *job) {
	if j.line != nil {
		// First out of the level: there, lines are ordered by what is ready of them.
		j.line.level.lines.remove(j.line)
		j.line.ready.remove(j)
		j.line.refresh()
	}
}

func (q *Queue) level(priority int) *level {
	at, found := q.findLevel(priority)
	if !found {
		q.levels = slices.Insert(q.levels, at, &level{priority: priority,
			lines: ordered[*line]{less: fairer, place: func(l *line) *int { return &l.inLevel }}})
	}
	return q.levels[at]
}

func (q *Queue) findLevel(priority int) (at int, found bool) {
	return slices.BinarySearchFunc(q.levels, priority, func(l *level, p int) int { return cmp.Compare(p, l.priority) })
}
