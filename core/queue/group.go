package queue

import "slices"

// Member is who is in a group, or wants to be: a stage of an execution, or, without a
// stage, an execution as a whole.
type Member struct {
	Group, Execution string
	// Stage tells the stages of one execution apart.
	Stage string
}

// member is a stage that is in a group or waits for it.
type member struct {
	Member
	arrival int64
	inside  bool
	inGroup int
}

// group is a concurrency group, while anybody is in it or waits for it.
type group struct {
	name string
	// holders are who is in: one, unless several were when the server was restarted.
	holders []Member
	stages  ordered[*member]
	jobs    ordered[*job]
	// offered is the first of jobs while the group is free: it may be chosen.
	offered *job
}

func (q *Queue) group(name string) *group {
	g := q.groups[name]
	if g == nil {
		g = &group{name: name,
			stages: ordered[*member]{less: func(a, b *member) bool { return a.arrival < b.arrival }, place: func(m *member) *int { return &m.inGroup }},
			jobs:   ordered[*job]{less: earlier, place: func(j *job) *int { return &j.inGroup }}}
		q.groups[name] = g
	}
	return g
}

// Enter asks for a place in a group for a stage of an execution that has started;
// NextMember says when it is in. Leave must follow. An execution that is in the group
// as a whole is in with all its stages. resumed is a stage that was in before a
// restart: it is in at once.
//
// cancel are the executions that a stage with cancelInProgress supersedes. stuck is
// true when the stage would wait for ever: who is in the group as a whole waits,
// perhaps by others, for a group that this execution is in as a whole.
func (q *Queue) Enter(m Member, cancelInProgress, resumed bool) (cancel []string, stuck bool) {
	j := q.jobs[m.Execution]
	if j == nil || !j.started || q.members[m] != nil {
		return nil, false
	}
	q.arrivals++
	entering := &member{Member: m, arrival: q.arrivals, inGroup: -1}
	q.members[m] = entering
	if j.stages == nil {
		j.stages = map[*member]bool{}
	}
	j.stages[entering] = true
	switch {
	case j.Group == m.Group: // it is in, as a whole
		entering.inside = true
		q.entered = append(q.entered, entering)
	case resumed:
		entering.inside = true
		q.entered = append(q.entered, entering)
		q.hold(q.group(m.Group), m)
	default:
		if cancelInProgress {
			cancel = q.supersede(m.Group, m.Execution)
		}
		g := q.group(m.Group)
		g.stages.put(entering)
		q.offer(g)
		stuck = !entering.inside && !cancelInProgress && q.waitsFor(g, m.Execution, map[*group]bool{})
	}
	return cancel, stuck
}

// Leave gives up a stage's place in its group, or its wish for one; once is enough.
func (q *Queue) Leave(m Member) {
	leaving := q.members[m]
	if leaving == nil {
		return
	}
	delete(q.members, m)
	delete(q.jobs[m.Execution].stages, leaving)
	g := q.group(m.Group)
	g.stages.remove(leaving)
	q.vacate(g, m)
}

// NextMember takes a stage that is in its group since NextMember was last called.
func (q *Queue) NextMember() (Member, bool) {
	for len(q.entered) > 0 {
		m := q.entered[0]
		q.entered = q.entered[1:]
		if q.members[m.Member] == m { // it has not left again
			return m.Member, true
		}
	}
	return Member{}, false
}

// hold puts somebody into a group, once.
func (q *Queue) hold(g *group, m Member) {
	if !slices.Contains(g.holders, m) {
		g.holders = append(g.holders, m)
	}
	q.offer(g)
}

// vacate takes somebody out of a group, if it was in, and lets the next in.
func (q *Queue) vacate(g *group, m Member) {
	if at := slices.Index(g.holders, m); at >= 0 {
		g.holders = slices.Delete(g.holders, at, at+1)
	}
	q.offer(g)
}

// offer lets the next into a group that is free: a stage at once, a job when it is
// chosen. It forgets a group that nobody is interested in.
func (q *Queue) offer(g *group) {
	free := len(g.holders) == 0 && len(q.unsettled) == 0
	if free && !g.stages.empty() {
		m := g.stages.first()
		g.stages.remove(m)
		m.inside = true
		q.entered = append(q.entered, m)
		g.holders = append(g.holders, m.Member)
		free = false
	}
	var offered *job
	if free && !g.jobs.empty() {
		offered = g.jobs.first()
	}
	if offered != g.offered {
		if g.offered != nil {
			q.unready(g.offered)
		}
		if g.offered = offered; offered != nil {
			q.ready(offered)
		}
	}
	if len(g.holders) == 0 && g.stages.empty() && g.jobs.empty() {
		delete(q.groups, g.name)
	}
}

// supersede marks all who are in a group, or wait for it, but for one execution, and
// returns those that were not marked before.
func (q *Queue) supersede(group, by string) (cancel []string) {
	g := q.groups[group]
	if g == nil {
		return nil
	}
	mark := func(id string) {
		if j := q.jobs[id]; j != nil && id != by && j.supersededBy == "" {
			j.supersededBy = by
			cancel = append(cancel, id)
		}
	}
	for _, holder := range g.holders {
		mark(holder.Execution)
	}
	for _, m := range slices.Clone(g.stages.list) {
		if m.Execution != by {
			mark(m.Execution)
			g.stages.remove(m)
		}
	}
	for _, j := range slices.Clone(g.jobs.list) {
		mark(j.ID)
		g.jobs.remove(j)
		j.group = nil // it does not wait for it any more
	}
	q.offer(g)
	return cancel
}

// waitsFor reports whether a group will not be free before an execution has ended.
// Only who is in a group as a whole keeps it while it waits: a stage has begun when it
// is in its group, and waits for no other.
func (q *Queue) waitsFor(g *group, execution string, seen map[*group]bool) bool {
	if g == nil || seen[g] {
		return false
	}
	seen[g] = true
	for _, holder := range g.holders {
		j := q.jobs[holder.Execution]
		if holder.Stage != "" || j == nil || j.supersededBy != "" {
			continue
		}
		if holder.Execution == execution {
			return true
		}
		for m := range j.stages {
			if !m.inside && q.waitsFor(q.groups[m.Group], execution, seen) {
				return true
			}
		}
	}
	return false
}
