package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// How often objects that are not ready yet are looked at: often at first, since most
// rollouts are short. A request each, and no watch, because that takes no more rights
// than applying does and cannot miss anything when a connection breaks.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second
)

// steadyTime is how long what has just been started must stay ready to count.
const steadyTime = 2 * time.Second

// rollout waits until objects are ready, and says why they are not.
type rollout struct {
	*client
	Waiting
	out      *journal
	problems map[string]*problem
}

func (c *client) rollout(out *journal, w Waiting) *rollout {
	return &rollout{client: c, Waiting: w, out: out, problems: map[string]*problem{}}
}

// awaited is an object on its way.
type awaited struct {
	*target
	said  string // the last word about it
	state string // the same, also when it was not said
	// readySince is when it was first seen ready, after it had not been.
	readySince time.Time
}

// wait returns when all objects are ready: each kind in its own sense, others by their
// conditions. The error is a *refused when one has failed, or has had a problem for
// longer than patience allows, or time was up.
func (w *rollout) wait(ctx context.Context, targets []*target) error {
	var waiting []*awaited
	for _, t := range targets {
		if worthWaiting(t.object) {
			waiting = append(waiting, &awaited{target: t})
		}
	}
	total := len(waiting)
	end := time.Now().Add(w.timeout())
	for pause := firstPause; len(waiting) > 0; pause = min(pause*3/2, lastPause) {
		var rest []*awaited
		for _, one := range waiting {
			ready, err := w.look(ctx, one)
			if err != nil {
				return err
			}
			if !ready {
				rest = append(rest, one)
			}
		}
		if waiting = rest; len(waiting) == 0 {
			break
		}
		w.out.progress((total-len(waiting))*100/total, "%s: %s", waiting[0], waiting[0].state)
		if time.Now().After(end) {
			return w.late(waiting)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// worthWaiting says which objects get ready at all by themselves. A claim may wait for
// its first user, who is waited for.
func worthWaiting(o *unstructured.Unstructured) bool {
	switch o.GetKind() {
	case "PersistentVolumeClaim":
		return false
	case "Deployment":
		paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused")
		return !paused
	}
	return true
}

// look reads one object and says how it stands, when that has changed.
func (w *rollout) look(ctx context.Context, one *awaited) (ready bool, err error) {
	now, err := w.resource(one.mapping, one.object.GetNamespace()).Get(ctx, one.object.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return false, &refused{message: fmt.Sprintf("%s is gone: somebody has removed it meanwhile", one.where())}
	case apierrors.IsForbidden(err) || ctx.Err() != nil:
		return false, w.explain("read "+one.where(), err)
	case err != nil:
		// A server that restarts is no failed rollout; the time-out bounds it.
		one.state = w.explain("read "+one.where(), err).Error()
		return false, nil
	}
	stands, text := standing(now)
	if stands == status.CurrentStatus && !w.steady(ctx, one, now) {
		one.state = "ready, but only just"
		return false, nil
	}
	if text != one.said && (stands != status.CurrentStatus || one.said != "") {
		one.said = text
		w.out.say("%s: %s", one, text)
	}
	one.state = text
	switch stands {
	case status.CurrentStatus:
		w.forget(one)
		return true, nil
	case status.FailedStatus:
		return false, &refused{message: fmt.Sprintf("%s has failed: %s", one.where(), text), lines: w.evidence(ctx, now)}
	}
	one.readySince = time.Time{}
	return false, w.diagnose(ctx, one, now)
}

// steady says whether an object that is ready has been so for long enough. A container
// without a readiness probe counts as ready from its first moment, so that one which
// crashes at once would, too.
func (w *rollout) steady(ctx context.Context, one *awaited, now *unstructured.Unstructured) bool {
	if one.readySince.IsZero() {
		one.readySince = time.Now()
	}
	return time.Since(one.readySince) >= steadyTime || !w.hasJustStarted(ctx, now)
}

// standing computes how an object stands. Jobs count when they have ended, for that is
// what they are for; all others as kstatus has it.
func standing(o *unstructured.Unstructured) (status.Status, string) {
	if o.GetKind() == "Job" && strings.HasPrefix(o.GetAPIVersion(), "batch/") {
		return jobStanding(o)
	}
	result, err := status.Compute(o)
	if err != nil {
		return status.InProgressStatus, "its status cannot be read: " + err.Error()
	}
	text := result.Message
	if text == "" || result.Status == status.CurrentStatus {
		text = "ready"
	}
	return result.Status, strings.TrimRight(text, ".")
}

func jobStanding(o *unstructured.Unstructured) (status.Status, string) {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["status"] != "True" {
			continue
		}
		switch condition["type"] {
		case "Complete", "SuccessCriteriaMet":
			return status.CurrentStatus, "complete"
		case "Failed", "FailureTarget":
			return status.FailedStatus, fmt.Sprintf("%v: %v", condition["reason"], condition["message"])
		case "Suspended":
			return status.CurrentStatus, "suspended"
		}
	}
	number := func(field string) int64 { n, _, _ := unstructured.NestedInt64(o.Object, "status", field); return n }
	return status.InProgressStatus, fmt.Sprintf("%d running, %d succeeded, %d failed", number("active"), number("succeeded"), number("failed"))
}

// late is the end of a wait that has lasted too long.
func (w *rollout) late(waiting []*awaited) error {
	first := waiting[0]
	late := &refused{message: fmt.Sprintf("not ready after %s: %s: %s", w.timeout(), first.where(), first.state)}
	if more := len(waiting) - 1; more > 0 {
		late.message += fmt.Sprintf(" (and %d more)", more)
	}
	for _, one := range waiting {
		late.lines = append(late.lines, fmt.Sprintf("  %s: %s", one.where(), one.state))
	}
	for _, p := range w.problems {
		late.lines = append(late.lines, "  "+p.text)
	}
	return late
}
