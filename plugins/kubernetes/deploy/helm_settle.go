package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/patchbay-ci/patchbay/sdk"
)

// settlePause is how often a release is looked at that somebody else works on.
const settlePause = time.Second

// settle returns the release's last revision, or nil when there is none, once nobody
// works on it. A process that was killed leaves a revision that is pending for ever,
// and Helm refuses all work on such a release; it is settled here: at once when this
// attempt made it, and when it has been pending for longer than the step would wait
// when somebody else did. done says that the attempt's own work had been done.
func (h *helmWork) settle(ctx context.Context) (last *release.Release, done bool, err error) {
	note, err := keptNote(h.out)
	if err != nil {
		return nil, false, fmt.Errorf("read which revision was being made: %w", err)
	}
	told := false
	for {
		found, err := h.helm.Releases.Last(h.name)
		if errors.Is(err, driver.ErrReleaseNotFound) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, h.explainHelm(err)
		}
		last = found.(*release.Release)
		ours := note.Release == h.name && note.Revision == last.Version
		if !last.Info.Status.IsPending() {
			return last, ours && last.Info.Status == common.StatusDeployed, nil
		}
		age := time.Since(last.Info.LastDeployed)
		if ours || age > h.config.timeout() {
			return last, false, h.settlePending(last, age)
		}
		if !told {
			told = true
			h.out.say("release %s: revision %d is being made by somebody else; waiting", h.name, last.Version)
		}
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// settlePending notes that a pending revision will not be finished by who began it.
func (h *helmWork) settlePending(last *release.Release, age time.Duration) error {
	h.out.say("release %s: revision %d was left %s %s ago; going on from there", h.name, last.Version, last.Info.Status, age.Round(time.Second))
	last.Info.Status = common.StatusFailed
	last.Info.Description = "Interrupted"
	if err := h.helm.Releases.Update(last); err != nil {
		return h.explainHelm(err)
	}
	return nil
}

// helmRollback goes back to a revision of a release, chosen once for an attempt.
func (c *client) helmRollback(ctx context.Context, out *journal, config RollbackConfig) (sdk.Result, error) {
	h, err := c.helmFor(ctx, HelmConfig{Access: config.Access, Release: config.Release, Uninstall: true, Waiting: config.Waiting}, sdk.Step{}, out)
	if err != nil {
		return sdk.Result{}, err
	}
	last, _, err := h.settle(ctx)
	if err == nil {
		err = h.goTo(ctx, last, config.Revision)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return stopped(ctx)
	case err != nil:
		return failed(out, err)
	}
	result := sdk.Succeeded()
	result.Message = "release " + h.name + " rolled back"
	return result, nil
}

func (h *helmWork) goTo(ctx context.Context, last *release.Release, wanted int64) error {
	if last == nil {
		return &refused{message: fmt.Sprintf("there is no release %s in namespace %s", h.name, h.Namespace)}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	data, err := h.out.kept(rollbackFile)
	if err != nil {
		return fmt.Errorf("read which revision was chosen: %w", err)
	}
	to := int(wanted)
	switch {
	case data != nil:
		if _, err := fmt.Sscan(string(data), &to); err != nil {
			return fmt.Errorf("read which revision was chosen: %w", err)
		}
	case to == 0:
		if to, err = h.previous(last); err != nil {
			return err
		}
	}
	if err := h.out.keep(rollbackFile, fmt.Append(nil, to)); err != nil {
		return fmt.Errorf("keep which revision was chosen: %w", err)
	}
	h.out.say("release %s: going back to revision %d", h.name, to)
	if err := h.rollTo(to); err != nil {
		return h.explainHelm(err)
	}
	return nil
}

// previous is the last good revision before the newest.
func (h *helmWork) previous(last *release.Release) (int, error) {
	history, err := h.helm.Releases.History(h.name)
	if err != nil {
		return 0, h.explainHelm(err)
	}
	best := 0
	for _, found := range history {
		one := found.(*release.Release)
		good := one.Info.Status == common.StatusSuperseded || one.Info.Status == common.StatusDeployed
		if good && one.Version < last.Version && one.Version > best {
			best = one.Version
		}
	}
	if best == 0 {
		return 0, &refused{message: fmt.Sprintf("release %s has no earlier revision that was good", h.name)}
	}
	return best, nil
}
