package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/patchbay-ci/patchbay/sdk"
)

// fieldManager is the name under which Patchbay owns what it applies.
const fieldManager = "patchbay"

// application is one apply under way.
type application struct {
	*client
	ApplyOptions
	Waiting
	out     *journal
	targets []*target
	set     *applySet // nil without a release
	before  *snapshot
	changed int
}

// apply is the action.
func (d *Deployer) apply(ctx context.Context, r sdk.Request[ApplyConfig], s *sdk.Session) (sdk.Result, error) {
	return d.performer.perform(ctx, r.RunRequest, s, func(ctx context.Context, out *journal) (sdk.Result, error) {
		documents, err := r.Config.Manifest.read(r.Step.Workspace.Path)
		if err != nil {
			return sdk.Result{}, err
		}
		c, err := open(r.Step, r.Config.Access)
		if err != nil {
			return sdk.Result{}, err
		}
		a := &application{client: c, ApplyOptions: r.Config.ApplyOptions, Waiting: r.Config.Waiting, out: out}
		return a.run(ctx, documents)
	})
}

// run does all of it. A step that is cancelled before anything was changed ends at
// once.
func (a *application) run(ctx context.Context, documents []document) (sdk.Result, error) {
	err := a.survey(ctx, documents)
	if err == nil {
		err = a.rehearse(ctx, a.targets, applyOptions{force: a.Force, createNamespace: a.CreateNamespace})
	}
	if err != nil && ctx.Err() != nil && a.out.resumed && a.OnFailure == onFailureRollback {
		// Cancelled while nobody worked: what the work before did may have to be found yet.
		if a.before != nil || a.survey(context.WithoutCancel(ctx), documents) == nil {
			return a.giveUp(ctx, err)
		}
	}
	if err == nil {
		if err = a.change(ctx); err != nil {
			return a.giveUp(ctx, err)
		}
	}
	if ctx.Err() != nil && err != nil {
		return stopped(ctx)
	}
	if err != nil {
		return failed(a.out, err)
	}
	a.out.setOutput("applied", strconv.Itoa(len(a.targets)))
	a.out.setOutput("changed", strconv.Itoa(a.changed))
	result := sdk.Succeeded()
	result.Message = fmt.Sprintf("%s applied, %d changed", count(len(a.targets), "object"), a.changed)
	return result, nil
}

// survey finds out what is to be applied, and what is there.
func (a *application) survey(ctx context.Context, documents []document) error {
	var err error
	if a.targets, err = resolve(a.client, documents); err != nil {
		return err
	}
	if a.Release != "" {
		if a.set, err = a.openSet(ctx, a.Release); err != nil {
			return err
		}
		a.set.claim(a.targets)
	}
	if a.before, err = a.look(ctx, a.targets, a.out); err != nil {
		return err
	}
	if a.set != nil {
		return a.set.taken(a.targets, a.before)
	}
	return nil
}

// change does what was prepared.
func (a *application) change(ctx context.Context) error {
	if a.out.resumed {
		a.out.say("the work was interrupted; it is done again")
	}
	if a.CreateNamespace {
		if err := a.makeNamespaces(ctx); err != nil {
			return err
		}
	}
	if a.set != nil {
		if err := a.set.announce(ctx, a.targets); err != nil {
			return err
		}
	}
	for _, t := range a.targets {
		if err := a.applyOne(ctx, t); err != nil {
			return err
		}
	}
	if a.waits() {
		if err := a.rollout(a.out, a.Waiting).wait(ctx, a.targets); err != nil {
			return err
		}
	}
	if a.set != nil {
		return a.set.finish(ctx, a)
	}
	return nil
}

// giveUp is the end of an apply that has begun to change things and did not succeed.
func (a *application) giveUp(ctx context.Context, cause error) (sdk.Result, error) {
	result, err := failed(a.out, cause)
	if ctx.Err() != nil {
		result, err = stopped(ctx)
	}
	if a.OnFailure != onFailureRollback || errors.Is(context.Cause(ctx), errDestroyed) {
		return result, err
	}
	// The step's own context may have ended: putting back gets time of its own.
	restoring, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
	defer cancel()
	a.out.say("putting back what was there before")
	if restoreErr := a.before.restore(restoring, a.client, a.targets, a.out); restoreErr != nil {
		a.out.say("error: not all of it could be put back: %v", restoreErr)
		if err == nil {
			result.Message += "; not all of it could be put back as it was"
		}
		return result, err
	}
	if err == nil {
		result.Message += "; everything is back as it was"
	}
	return result, err
}

// stopped is the end of a step whose context has ended.
func stopped(ctx context.Context) (sdk.Result, error) {
	if _, cancelled := sdk.CancelGrace(ctx); cancelled {
		return sdk.Cancelled(), nil
	}
	return sdk.Result{}, context.Cause(ctx)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
