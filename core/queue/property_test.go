package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// history is a random one, done to a Queue and to the model.
type history struct {
	t     *testing.T
	rand  *rand.Rand
	queue *Queue
	model *model
	ids   int
	log   []string
}

// limits of the pipelines; 0 is none.
var limits = map[string]int{"a": 0, "b": 1, "c": 2, "d": 0}

// Whatever happens in whatever order, the queue does what the model does, keeps its
// limits, and everything starts in the end.
func TestHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		h := &history{t: t, rand: rand.New(rand.NewPCG(seed, 1)), queue: New(3), model: newModel(3)}
		for range 150 {
			h.step()
			if t.Failed() {
				t.Fatalf("seed %d: %v", seed, h.log)
			}
		}
		h.wind()
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, h.log)
		}
	}
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

func (h *history) pick(which func(*modelJob) bool) string {
	var ids []string
	for _, j := range h.model.jobs {
		if which(j) {
			ids = append(ids, j.ID)
		}
	}
	if len(ids) == 0 {
		return "nobody"
	}
	return ids[h.rand.IntN(len(ids))]
}

func running(j *modelJob) bool { return j.started }
func waiting(j *modelJob) bool { return !j.started }

func (h *history) step() {
	switch h.rand.IntN(12) {
	case 0, 1, 2, 3:
		h.push()
	case 4:
		h.forget(h.pick(waiting))
	case 5, 6:
		h.forget(h.pick(running))
	case 7:
		h.yield(h.pick(running))
	case 8:
		h.reclaim(h.pick(func(j *modelJob) bool { return j.started && !j.slot }))
	case 9:
		h.enter(h.pick(running))
	case 10:
		if n := len(h.model.stages); n > 0 {
			h.leave(h.model.stages[h.rand.IntN(n)].Member)
		}
	case 11:
		h.operate()
	}
	h.run()
}

func (h *history) push() {
	h.ids++
	j := Job{ID: fmt.Sprint(h.ids), Pipeline: []string{"a", "b", "c", "d"}[h.rand.IntN(4)], Priority: h.rand.IntN(3) - 1,
		Group: []string{"", "", "g", "h"}[h.rand.IntN(4)], Resumed: h.rand.IntN(20) == 0}
	j.Limit, j.CancelInProgress = limits[j.Pipeline], h.rand.IntN(6) == 0
	h.note("push %+v", j)
	h.same("cancel", sorted(h.queue.Push(j)), sorted(h.model.push(j)))
	h.model.settle()
	h.same("again", len(h.queue.Push(j)), 0)
}

func (h *history) forget(id string) {
	h.note("forget %s", id)
	j := h.model.find(id)
	if j == nil || j.started {
		h.same("removed", h.queue.Remove(id), false)
		h.queue.Done(id)
	} else {
		h.queue.Done(id) // has no effect
		h.same("removed", h.queue.Remove(id), true)
	}
	if j != nil {
		h.model.forget(j)
	}
}

func (h *history) yield(id string) {
	h.note("yield %s", id)
	h.queue.Yield(id)
	if j := h.model.find(id); j != nil {
		if j.slot {
			h.model.used--
		}
		j.slot = false
		h.model.wants = slices.DeleteFunc(h.model.wants, func(other string) bool { return other == id })
	}
}

func (h *history) reclaim(id string) {
	h.note("reclaim %s", id)
	h.queue.Reclaim(id)
	if h.model.find(id) != nil && !slices.Contains(h.model.wants, id) {
		h.model.wants = append(h.model.wants, id)
	}
}

func (h *history) enter(id string) {
	h.ids++
	m := Member{Group: []string{"g", "h"}[h.rand.IntN(2)], Execution: id, Stage: fmt.Sprint(h.ids)}
	resumed := h.queue.unsettled[id]
	cancels := h.rand.IntN(5) == 0
	h.note("enter %+v, resumed %t, cancels %t", m, resumed, cancels)
	cancel, stuck := h.queue.Enter(m, cancels, resumed)
	if h.model.find(id) == nil {
		h.same("of nobody", len(cancel), 0)
		return
	}
	h.same("cancel", sorted(cancel), sorted(h.model.enter(m, cancels, resumed)))
	if stuck { // the engine cancels it
		h.members()
		h.forget(id)
	}
}

func (h *history) leave(m Member) {
	h.note("leave %+v", m)
	h.queue.Leave(m)
	h.queue.Leave(m)
	h.model.leave(m)
}

func (h *history) operate() {
	switch h.rand.IntN(4) {
	case 0:
		h.model.paused = !h.model.paused
		h.queue.SetPaused(h.model.paused)
	case 1:
		h.model.slots = h.rand.IntN(5)
		h.queue.SetSlots(h.model.slots)
	case 2:
		id := h.pick(func(j *modelJob) bool { return h.model.unsettled[j.ID] })
		h.queue.Settle(id)
		delete(h.model.unsettled, id)
		h.model.settle()
		h.note("settle %s", id)
	case 3:
		id := h.pick(running)
		h.queue.Expedite(id)
		if j := h.model.find(id); j != nil {
			j.urgent = true
		}
		h.note("expedite %s", id)
	}
}

// members compares who has entered its group.
func (h *history) members() {
	var entered []Member
	for m, ok := h.queue.NextMember(); ok; m, ok = h.queue.NextMember() {
		entered = append(entered, m)
	}
	order := func(a, b Member) int { return slices.Compare([]string{a.Group, a.Stage}, []string{b.Group, b.Stage}) }
	slices.SortFunc(entered, order)
	wanted := h.model.nextMembers()
	slices.SortFunc(wanted, order)
	h.same("entered", entered, wanted)
}

// run lets go on what may, and compares.
func (h *history) run() {
	for {
		h.members()
		id, ok := h.queue.NextSlot()
		h.same("slot", id, h.model.nextSlot())
		if ok {
			continue
		}
		first := ""
		if list := h.queue.Snapshot(1); len(list) > 0 && list[0].Reason == "its turn comes next" {
			first = list[0].ID
		}
		j, ok := h.queue.Next()
		h.same("next", j.ID, h.model.next())
		if ok && !j.Resumed {
			h.same("the first of those shown", first, j.ID)
		}
		if !ok || h.t.Failed() {
			break
		}
		h.note("%s started", j.ID)
	}
	h.invariants()
}

// invariants are what must hold whatever the model says.
func (h *history) invariants() {
	inside, before := map[string][]string{}, map[string]bool{}
	count := map[string]int{}
	for _, j := range h.model.jobs {
		if j.started {
			count[j.Pipeline]++
			if j.Group != "" {
				inside[j.Group] = append(inside[j.Group], j.ID)
			}
		}
		before[j.ID] = j.Resumed
	}
	for _, s := range h.model.stages {
		if s.inside && !s.free {
			inside[s.Group] = append(inside[s.Group], s.Execution)
		}
	}
	fresh := func(ids []string) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return before[id] })
	}
	for group, ids := range inside {
		if len(ids) > 1 && fresh(ids) {
			h.t.Errorf("%v are in group %s", ids, group)
		}
	}
	started, waits := h.queue.Counts()
	h.same("counts", []int{started, waits, h.queue.Used()}, []int{len(h.model.jobs) - len(h.queue.Snapshot(1000)), len(h.queue.Snapshot(1000)), h.model.used})
}

// wind lets everything come to its end.
func (h *history) wind() {
	h.note("wind")
	h.queue.SetPaused(false)
	h.queue.SetSlots(3)
	h.model.paused, h.model.slots = false, 3
	for _, j := range slices.Clone(h.model.jobs) {
		h.queue.Settle(j.ID)
		if delete(h.model.unsettled, j.ID); j.superseded {
			h.forget(j.ID)
		}
	}
	h.model.settle()
	for len(h.model.jobs) > 0 && !h.t.Failed() {
		h.run()
		id := h.pick(running)
		if id == "nobody" {
			h.t.Errorf("nothing runs, and these wait: %+v", h.queue.Snapshot(10))
			return
		}
		h.forget(id)
	}
	q := h.queue
	h.same("what is left", []int{len(q.jobs), len(q.pipelines), len(q.levels), len(q.groups), len(q.members), len(q.unsettled), q.used},
		make([]int, 7))
}

func (h *history) same(what string, got, want any) {
	h.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("%s: %s", what, gocmp.Diff(want, got))
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }
