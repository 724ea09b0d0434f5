//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// verdict holds what a tormented server has kept against what it was asked for.
type verdict struct {
	stand   *stand
	client  *client
	traffic *traffic
	scenes  []scene
	// spared tells the executions that must be as undisturbed; of the others only
	// that they end and that nothing of them takes effect twice. Nil means all.
	spared func(trigger int) bool
	// folders says that the folders of runs must be gone, too.
	folders bool
	// reasons counts what failed executions that were not spared say of it.
	reasons map[string]int

	stored, ended, steps, effects, logs, clean *promise
}

func newVerdict(r *report, s *stand, c *client, t *traffic, scenes []scene) *verdict {
	return &verdict{stand: s, client: c, traffic: t, scenes: scenes, reasons: map[string]int{}, folders: true,
		stored:  r.promise("every acknowledged trigger has its execution, and none has two"),
		ended:   r.promise("each execution ended, with success"),
		steps:   r.promise("each step has the end of an undisturbed run"),
		effects: r.promise("each step took effect exactly once"),
		logs:    r.promise("each log is byte for byte that of an undisturbed run"),
		clean:   r.promise("nothing is left of what has ended: no process, no folder")}
}

// settle waits until nothing is pending or running, or the time is up.
func (v *verdict) settle(ctx context.Context, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		open := 0
		for _, status := range []string{"pending", "running", "waiting"} {
			list, err := v.client.executions(ctx, status)
			if err != nil {
				return fmt.Errorf("list the executions: %w", err)
			}
			open += len(list)
		}
		if open == 0 {
			return nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return ctx.Err() // what did not end is told by judge
}

// judge compares everything. The server must be up, and at rest.
func (v *verdict) judge(ctx context.Context) error {
	list, err := v.client.executions(ctx, "")
	if err != nil {
		return fmt.Errorf("list the executions: %w", err)
	}
	byTrigger := map[int][]execution{}
	for _, e := range list {
		number, err := strconv.Atoi(e.Environment[envTrigger])
		if err != nil {
			v.stored.check(fmt.Sprintf("execution %s is of no trigger", e.ID))
			continue
		}
		byTrigger[number] = append(byTrigger[number], e)
	}
	v.judgeStored(byTrigger)
	effects, err := v.readEffects()
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(byTrigger)) {
		for _, e := range byTrigger[number] {
			if err := v.judgeExecution(ctx, number, e, effects[number]); err != nil {
				return err
			}
		}
	}
	v.judgeLeft()
	return nil
}

func (v *verdict) judgeStored(byTrigger map[int][]execution) {
	for number, id := range v.traffic.acknowledged {
		found := byTrigger[number]
		v.stored.that(len(found) == 1 && found[0].ID == id, "trigger %d was acknowledged as %s; its executions: %v", number, id, ids(found))
	}
	for number, found := range byTrigger {
		if v.traffic.acknowledged[number] == "" {
			v.stored.that(len(found) == 1 && v.traffic.unknown[number], "trigger %d was not acknowledged; its executions: %v", number, ids(found))
		}
	}
}

func ids(list []execution) []string {
	var all []string
	for _, e := range list {
		all = append(all, e.ID)
	}
	return all
}

func (v *verdict) judgeExecution(ctx context.Context, number int, e execution, effects map[string]int) error {
	if v.spared != nil && !v.spared(number) {
		v.judgeStricken(number, e, effects)
		return nil
	}
	v.ended.that(e.Status == "success", "trigger %d, execution %s is %s: %s", number, e.ID, e.Status, e.Reason)
	for i, s := range v.scenes {
		for j, a := range s.acts {
			where := fmt.Sprintf("execution %s, step %s", e.ID, a.name)
			if i >= len(e.Stages) || j >= len(e.Stages[i].Steps) || e.Stages[i].Steps[j].Name != a.name {
				v.steps.check(where + " is not there")
				continue
			}
			step := e.Stages[i].Steps[j]
			code := "none"
			if step.ExitCode != nil {
				code = strconv.Itoa(*step.ExitCode)
			}
			v.steps.that(step.Status == a.status && code == strconv.Itoa(a.code) && step.Attempts == a.runs,
				"%s: %s, exit code %s, %d attempts (%s); want %s, %d, %d", where, step.Status, code, step.Attempts, step.Reason, a.status, a.code, a.runs)
			v.effects.that(effects[a.name] == a.runs, "%s: %d times, want %d", where, effects[a.name], a.runs)
			for stream, want := range map[string]string{"stdout": a.stdout, "stderr": a.stderr} {
				var got string
				if err := v.client.get(ctx, "/api/ci/executions/"+e.ID+"/logs?stage="+s.name+"&step="+a.name+"&stream="+stream, &got); err != nil {
					v.logs.check(fmt.Sprintf("%s, %s: %v", where, stream, err))
					continue
				}
				v.logs.check(difference(where+", "+stream, got, strings.ReplaceAll(want, "%E", e.ID)))
			}
		}
	}
	return ctx.Err()
}

// judgeStricken is for an execution whose steps the trouble may have failed.
func (v *verdict) judgeStricken(number int, e execution, effects map[string]int) {
	over := e.Status == "success" || (e.Status == "failed" && e.Reason != "")
	v.ended.that(over, "trigger %d, execution %s is %s: %q", number, e.ID, e.Status, e.Reason)
	if e.Reason != "" {
		v.reasons[e.Reason]++
	}
	for _, s := range v.scenes {
		for _, a := range s.acts {
			n := effects[a.name]
			v.effects.that(n == a.runs || (e.Status != "success" && n < a.runs), "execution %s (%s), step %s: %d times, want %d",
				e.ID, e.Status, a.name, n, a.runs)
		}
	}
}

// difference says where two texts part; empty when they do not.
func difference(where, got, want string) string {
	if got == want {
		return ""
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return fmt.Sprintf("%s: %d bytes, want %d; they part at %d: %.60q, want %.60q", where, len(got), len(want), at, got[at:], want[at:])
}

// readEffects counts the lines of the steps, by trigger and step.
func (v *verdict) readEffects() (map[int]map[string]int, error) {
	content, err := os.ReadFile(v.stand.effects)
	if err != nil {
		return nil, err
	}
	counts := map[int]map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n") {
		trigger, step, _ := strings.Cut(line, " ")
		number, err := strconv.Atoi(trigger)
		if err != nil {
			return nil, fmt.Errorf("the file of effects has the line %q", line)
		}
		if counts[number] == nil {
			counts[number] = map[string]int{}
		}
		counts[number][step]++
	}
	return counts, nil
}

// judgeLeft looks for what should be gone while the server is up.
func (v *verdict) judgeLeft() {
	for _, p := range v.stand.processes() {
		if strings.HasPrefix(p.what, "of a step") {
			v.clean.check("process " + p.String())
		}
	}
	if !v.folders {
		v.clean.check("")
		return
	}
	left, err := os.ReadDir(filepath.Join(v.stand.data, "runs"))
	v.clean.that(err == nil && len(left) == 0, "in the folder of runs: %v, %v", names(left), err)
}

func names(entries []os.DirEntry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
