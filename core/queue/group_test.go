package queue_test

import (
	"slices"
	"testing"

	"github.com/patchbay-ci/patchbay/core/queue"
)

// entered are the executions of which a stage has entered its group since last asked.
func entered(q *queue.Queue) (list []string) {
	for m, ok := q.NextMember(); ok; m, ok = q.NextMember() {
		list = append(list, m.Execution)
	}
	return list
}

// running makes a queue in which executions with these groups have started.
func running(groups map[string]string) *queue.Queue {
	q := queue.New(10)
	for id, group := range groups {
		q.Push(queue.Job{ID: id, Pipeline: id, Group: group})
	}
	for _, ok := q.Next(); ok; _, ok = q.Next() {
	}
	return q
}

func stage(execution, group string) queue.Member {
	return queue.Member{Group: group, Execution: execution, Stage: "s"}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestGroupsQueue(t *testing.T) {
	t.Parallel()
	q := queue.New(10)
	for _, id := range []string{"1", "2", "3"} {
		q.Push(queue.Job{ID: id, Pipeline: "p" + id, Group: "g"})
	}
	q.Push(queue.Job{ID: "4", Pipeline: "p4", Group: "g", Priority: 100})
	q.Push(queue.Job{ID: "free", Pipeline: "p1"})
	want(t, "one of the group", started(q), "1 free")
	want(t, "why 2 waits", q.Snapshot(9)[1].Reason, "waits for group g, held by execution 1")
	q.Remove("3")
	q.Done("1")
	want(t, "the next", started(q), "2")
	q.Done("2")
	want(t, "all get their turn, in their order", started(q), "4")
}

func TestGroupsCancelInProgress(t *testing.T) {
	t.Parallel()
	q := queue.New(10)
	push := func(id string) []string {
		return q.Push(queue.Job{ID: id, Pipeline: "p", Group: "g", CancelInProgress: true})
	}
	q.Push(queue.Job{ID: "1", Pipeline: "p", Group: "g"})
	want(t, "the first", started(q), "1")
	q.Push(queue.Job{ID: "2", Pipeline: "q", Group: "g"})
	same(t, "for 3", push("3"), "1", "2")
	same(t, "for 4, those that are not being cancelled yet", push("4"), "3")
	want(t, "not before 1 has ended", started(q), "")
	want(t, "why they wait", reasons(q), `4: waits for group g, held by execution 1
2: is being cancelled for execution 3, which is newer in group g
3: is being cancelled for execution 4, which is newer in group g`)
	q.Done("1")
	want(t, "the newest, although 2 and 3 are still there", started(q), "4")
	q.Remove("2")
	q.Remove("3")
	q.Push(queue.Job{ID: "5", Pipeline: "q", Group: "g"})
	q.Done("4")
	want(t, "and so on", started(q), "5")
}

func TestStagesInGroups(t *testing.T) {
	t.Parallel()
	q := running(map[string]string{"1": "", "2": "", "3": "", "4": "", "whole": "h"})
	q.Push(queue.Job{ID: "late", Pipeline: "p", Group: "g"})
	q.SetPaused(true)
	other := queue.Member{Group: "g", Execution: "1", Stage: "other"}
	for _, m := range []queue.Member{stage("1", "g"), other, stage("2", "g"), stage("3", "g")} {
		q.Enter(m, false, false)
		q.Enter(m, false, false) // twice is once
	}
	q.SetPaused(false)
	same(t, "at first", entered(q), "1")
	want(t, "an execution waits", started(q), "")
	q.Leave(other) // does not want to any more
	q.Leave(stage("1", "g"))
	q.Leave(stage("1", "g"))
	same(t, "then", entered(q), "2")
	q.Done("2") // without leaving
	same(t, "then", entered(q), "3")
	q.Leave(stage("3", "g"))
	want(t, "at last, what had not begun", started(q), "late")

	q.Enter(stage("whole", "h"), true, false)
	same(t, "who is in as a whole is in with its stages", entered(q), "whole")
	cancel, _ := q.Enter(stage("4", "h"), true, false)
	same(t, "cancelled for a stage", cancel, "whole")
	same(t, "not yet", entered(q))
	q.Done("whole")
	same(t, "now", entered(q), "4")
}

// What ran before a restart is where it was, whoever else is quicker.
func TestGroupsOverARestart(t *testing.T) {
	t.Parallel()
	q := queue.New(10)
	same(t, "older, and waiting", q.Push(queue.Job{ID: "1", Pipeline: "p", Group: "g", CancelInProgress: true}))
	same(t, "newer, and running", q.Push(queue.Job{ID: "2", Pipeline: "p", Group: "g", CancelInProgress: true, Resumed: true}), "1")
	q.Push(queue.Job{ID: "3", Pipeline: "p", Resumed: true})
	q.Push(queue.Job{ID: "4", Pipeline: "p", Resumed: true})
	q.Push(queue.Job{ID: "5", Pipeline: "p", Group: "h"})
	want(t, "what ran", started(q), "2 3 4")
	q.Enter(stage("4", "h"), false, false)
	same(t, "4 waits until all have said what they had", entered(q))
	want(t, "and so does 5", q.Snapshot(1)[0].Reason, "waits for group h, until what ran before the restart is in its groups again")
	q.Settle("4")
	q.Enter(stage("3", "h"), false, true)
	same(t, "3 was in", entered(q), "3")
	q.Settle("3")
	q.Done("2")
	same(t, "4 still waits", entered(q))
	q.Leave(stage("3", "h"))
	same(t, "4 at last", entered(q), "4")
	q.Done("4")
	want(t, "5", started(q), "5")
}

// Two that have each other's groups would wait for ever.
func TestWaitingForEachOther(t *testing.T) {
	t.Parallel()
	q := running(map[string]string{"a": "A", "b": "B", "c": "C", "d": ""})
	stuck := func(execution, group string) bool {
		_, stuck := q.Enter(stage(execution, group), false, false)
		return stuck
	}
	if stuck("d", "D") || stuck("a", "D") || stuck("b", "D") {
		t.Error("what waits for a stage gets its turn")
	}
	if stuck("a", "B") || stuck("b", "C") {
		t.Error("what waits for somebody who can go on gets its turn")
	}
	if !stuck("c", "A") {
		t.Error("c waits for a, a for b, b for c")
	}
	q.Done("c") // cancelled
	q.Done("b")
	if got := entered(q); !slices.Contains(got, "a") {
		t.Errorf("then %v may go on", got)
	}
}
