package queue

import "slices"

// group is a concurrency group: one holder at a time, an execution or a stage of one.
// All who wait get it in the end, in the order in which they came; stages go before
// executions, which have not begun.
type group struct {
	name string
	// holder is an execution's ID or the key of a Member; execution is whose it is.
	holder, execution string
	stages            []Member
	executions        []*entry
}

// Member is a stage of an execution that is in a group, or wants to be.
type Member struct {
	Group, Execution string
	// Stage tells the stages of one execution apart.
	Stage string
}

func (m Member) key() string { return m.Execution + "/" + m.Stage }

func (q *Queue) group(name string) *group {
	g := q.groups[name]
	if g == nil {
		g = &group{name: name}
		q.groups[name] = g
	}
	return g
}

// others are the executions in a group, and those that wait for it, but for one.
func (g *group) others(but string) []string {
	var list []string
	add := func(id string) {
		if id != "" && id != but && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	add(g.execution)
	for _, m := range g.stages {
		add(m.Execution)
	}
	for _, e := range g.executions {
		add(e.ID)
	}
	return list
}

// Enter asks for a place in a group for a stage. An execution that holds the group as a
// whole has it for its stages, too. When granted is false, the stage waits: a later
// Done or Leave returns it. With cancelInProgress, cancel are the executions that are to
// be cancelled for it. resumed stages, which were in before a restart, go first.
func (q *Queue) Enter(m Member, cancelInProgress, resumed bool) (granted bool, cancel []string) {
	g := q.group(m.Group)
	switch {
	case g.holder == "":
		g.holder, g.execution = m.key(), m.Execution
		return true, nil
	case g.holder == m.Execution || g.holder == m.key():
		return true, nil
	}
	if cancelInProgress {
		cancel = g.others(m.Execution)
	}
	if resumed {
		g.stages = slices.Insert(g.stages, 0, m)
	} else {
		g.stages = append(g.stages, m)
	}
	return false, cancel
}

// Leave gives up a stage's place in a group, or its wish for one. It returns the stages
// that may enter now.
func (q *Queue) Leave(m Member) (granted []Member) {
	g := q.group(m.Group)
	g.stages = slices.DeleteFunc(g.stages, func(other Member) bool { return other == m })
	if g.holder == m.key() {
		return q.pass(g)
	}
	q.drop(g)
	return nil
}

// pass gives a group to the next.
func (q *Queue) pass(g *group) []Member {
	g.holder, g.execution = "", ""
	if len(g.stages) > 0 {
		m := g.stages[0]
		g.stages = g.stages[1:]
		g.holder, g.execution = m.key(), m.Execution
		return []Member{m}
	}
	q.offer(g)
	return nil
}

// offer lets the first execution that waits for a free group wait for its turn. It has
// the group only when it starts: until then a stage may be quicker.
func (q *Queue) offer(g *group) {
	if g.holder == "" && len(g.executions) > 0 && g.executions[0].state == grouped {
		q.list(g.executions[0])
	}
	q.drop(g)
}

// drop forgets a group that nobody is in or waits for.
func (q *Queue) drop(g *group) {
	if g.holder == "" && len(g.stages) == 0 && len(g.executions) == 0 {
		delete(q.groups, g.name)
	}
}
