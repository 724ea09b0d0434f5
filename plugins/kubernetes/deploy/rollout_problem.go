package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// problem is something that keeps an object from getting ready and that people can act
// on. Some heal: a database comes up, a node is added. So each is told at once, and
// fails the step only when it has lasted.
type problem struct {
	id    string // the same for the same trouble of another pod of the object
	text  string
	lines []string
	// hopeless ones fail the step at once, passing ones never: a Job decides itself how
	// often its pods may fail.
	hopeless, passing bool

	since, seen time.Time
}

// diagnose looks at the pods of an object that is not ready.
func (w *rollout) diagnose(ctx context.Context, one *awaited, now *unstructured.Unstructured) error {
	found := w.troubles(ctx, now)
	moment := time.Now()
	for _, p := range found {
		p.passing = one.kind() == "Job" && strings.HasPrefix(p.id, "crash ")
		p.id = one.where() + "\x00" + p.id
		known := w.problems[p.id]
		if known == nil {
			p.since = moment
			known = p
			w.problems[p.id] = p
			w.out.say("  %s", p.text)
			for _, line := range p.lines {
				w.out.say("    | %s", line)
			}
		}
		known.seen, known.text = moment, p.text
		if lasted := moment.Sub(known.since); known.hopeless || lasted >= w.patience() && !p.passing {
			return &refused{message: fmt.Sprintf("%s cannot get ready: %s", one.where(), known.text)}
		}
	}
	for id, p := range w.problems {
		// A container that crashes runs for a while in between.
		if strings.HasPrefix(id, one.where()+"\x00") && moment.Sub(p.seen) > w.patience() {
			delete(w.problems, id)
		}
	}
	return nil
}

func (w *rollout) forget(one *awaited) {
	for id := range w.problems {
		if strings.HasPrefix(id, one.where()+"\x00") {
			delete(w.problems, id)
		}
	}
}

// evidence says more about an object that has failed.
func (w *rollout) evidence(ctx context.Context, now *unstructured.Unstructured) []string {
	var lines []string
	for _, p := range w.troubles(ctx, now) {
		lines = append(lines, "  "+p.text)
		for _, line := range p.lines {
			lines = append(lines, "    | "+line)
		}
	}
	return lines
}

// troubles are what is wrong with the pods of an object, or with making them. What
// cannot be read, for want of a right, is not known: the wait goes on without.
func (w *rollout) troubles(ctx context.Context, now *unstructured.Unstructured) []*problem {
	pods, unmade := w.podsOf(ctx, now)
	var found []*problem
	if unmade != "" {
		found = append(found, &problem{id: "create", text: "its pods cannot be made: " + unmade})
	}
	seen := map[string]bool{}
	for i := range pods {
		for _, p := range w.podTroubles(ctx, &pods[i]) {
			if !seen[p.id] {
				seen[p.id] = true
				found = append(found, p)
			}
		}
	}
	return found
}
