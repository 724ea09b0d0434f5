package queue

import (
	"cmp"
	"slices"
)

// model does what Queue promises in the plainest way: it looks at everything each time.
type model struct {
	slots, used int
	paused      bool
	jobs        []*modelJob // in the order in which they came
	stages      []*modelStage
	wants       []string // slots
	limit       map[string]int
	last        map[string]int
	passed      map[int]int
	unsettled   map[string]bool
	starts      int
}

type modelJob struct {
	Job
	started, superseded, slot, urgent bool
}

type modelStage struct {
	Member
	inside, superseded, free bool // free: of an execution that is in as a whole
	told                     bool
}

func newModel(slots int) *model {
	return &model{slots: slots, limit: map[string]int{}, last: map[string]int{}, passed: map[int]int{}, unsettled: map[string]bool{}}
}

func (m *model) find(id string) *modelJob {
	at := slices.IndexFunc(m.jobs, func(j *modelJob) bool { return j.ID == id })
	if at < 0 {
		return nil
	}
	return m.jobs[at]
}

func (m *model) running(pipeline string) (n int) {
	for _, j := range m.jobs {
		if j.started && j.Pipeline == pipeline {
			n++
		}
	}
	return n
}

// holders are the executions that are in a group, by whatever of theirs.
func (m *model) holders(group string) (list []string) {
	for _, j := range m.jobs {
		if j.Group == group && (j.started || j.Resumed) {
			list = append(list, j.ID)
		}
	}
	for _, s := range m.stages {
		if s.Group == group && s.inside && !s.free {
			list = append(list, s.Execution)
		}
	}
	return list
}

func (m *model) supersede(group, by string) (cancel []string) {
	mark := func(id string) {
		if j := m.find(id); id != by && !j.superseded {
			j.superseded = true
			cancel = append(cancel, id)
		}
	}
	for _, id := range m.holders(group) {
		mark(id)
	}
	for _, s := range m.stages {
		if s.Group == group && !s.inside && s.Execution != by {
			s.superseded = true
			mark(s.Execution)
		}
	}
	for _, j := range m.jobs {
		if j.Group == group && !j.started {
			mark(j.ID)
		}
	}
	return cancel
}

func (m *model) push(j Job) (cancel []string) {
	if m.find(j.ID) != nil {
		return nil
	}
	m.limit[j.Pipeline] = j.Limit
	if j.Group != "" && j.CancelInProgress {
		cancel = m.supersede(j.Group, j.ID)
	}
	m.jobs = append(m.jobs, &modelJob{Job: j})
	if j.Resumed {
		m.unsettled[j.ID] = true
	}
	return cancel
}

func (m *model) open(group string) bool {
	return len(m.unsettled) == 0 && len(m.holders(group)) == 0
}

// settle lets stages into free groups.
func (m *model) settle() {
	for _, s := range m.stages {
		if !s.inside && !s.superseded && m.open(s.Group) {
			s.inside = true
		}
	}
	for priority := range m.passed {
		if !slices.ContainsFunc(m.jobs, func(j *modelJob) bool { return !j.started && !j.Resumed && j.Priority == priority }) {
			delete(m.passed, priority)
		}
	}
}

func (m *model) eligible(j *modelJob) bool {
	if j.started || j.superseded || j.Resumed {
		return false
	}
	if limit := m.limit[j.Pipeline]; limit > 0 && m.running(j.Pipeline) >= limit {
		return false
	}
	if j.Group == "" {
		return true
	}
	first := slices.IndexFunc(m.jobs, func(other *modelJob) bool {
		return other.Group == j.Group && !other.started && !other.superseded
	})
	return m.open(j.Group) && m.jobs[first] == j
}

func (m *model) next() (id string) {
	for _, j := range m.jobs {
		if j.Resumed && !j.started {
			return m.start(j)
		}
	}
	if m.paused || m.used >= m.slots || len(m.wants) > 0 {
		return ""
	}
	var able []*modelJob
	for _, j := range m.jobs {
		if m.eligible(j) {
			able = append(able, j)
		}
	}
	if len(able) == 0 {
		return ""
	}
	worth := func(j *modelJob) int { return j.Priority + m.passed[j.Priority]/AgingStarts }
	slices.SortStableFunc(able, func(a, b *modelJob) int {
		return cmp.Or(cmp.Compare(worth(b), worth(a)), cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(m.running(a.Pipeline), m.running(b.Pipeline)), cmp.Compare(m.last[a.Pipeline], m.last[b.Pipeline]))
	})
	best := able[0]
	over := map[int]bool{}
	for _, j := range able {
		over[j.Priority] = j.Priority < best.Priority
	}
	for priority, passed := range over {
		if passed {
			m.passed[priority]++
		}
	}
	m.passed[best.Priority] = 0
	return m.start(best)
}

func (m *model) start(j *modelJob) string {
	j.started, j.slot = true, true
	m.used++
	m.starts++
	m.last[j.Pipeline] = m.starts
	m.settle()
	return j.ID
}

// forget is Done and Remove.
func (m *model) forget(j *modelJob) {
	if j.slot {
		m.used--
	}
	m.jobs = slices.DeleteFunc(m.jobs, func(other *modelJob) bool { return other == j })
	m.stages = slices.DeleteFunc(m.stages, func(s *modelStage) bool { return s.Execution == j.ID })
	m.wants = slices.DeleteFunc(m.wants, func(id string) bool { return id == j.ID })
	delete(m.unsettled, j.ID)
	if !slices.ContainsFunc(m.jobs, func(other *modelJob) bool { return other.Pipeline == j.Pipeline }) {
		delete(m.last, j.Pipeline) // it is forgotten
		delete(m.limit, j.Pipeline)
	}
	m.settle()
}

func (m *model) enter(who Member, cancelInProgress, resumed bool) (cancel []string) {
	s := &modelStage{Member: who, inside: resumed, free: m.find(who.Execution).Group == who.Group}
	if s.free {
		s.inside = true
	} else if cancelInProgress && !resumed {
		cancel = m.supersede(who.Group, who.Execution)
	}
	m.stages = append(m.stages, s)
	m.settle()
	return cancel
}

func (m *model) leave(who Member) {
	m.stages = slices.DeleteFunc(m.stages, func(s *modelStage) bool { return s.Member == who })
	m.settle()
}

// nextMembers are the stages that are in since the last time.
func (m *model) nextMembers() (list []Member) {
	for _, s := range m.stages {
		if s.inside && !s.told {
			s.told = true
			list = append(list, s.Member)
		}
	}
	return list
}

func (m *model) nextSlot() string {
	for i, id := range m.wants {
		if j := m.find(id); m.used < m.slots || j.urgent {
			m.wants = slices.Delete(m.wants, i, i+1)
			j.slot = true
			m.used++
			return id
		}
	}
	return ""
}
