package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// ValidateAction says whether a step could be done, and does nothing: the manifests are
// read, the cluster is asked whether this identity may apply them, and tries them (dry
// run). All that is found is told, not only the first.
func ValidateAction[C any](d *Deployer, run Runner[C]) sdk.Action {
	return sdk.NewAction("validate", "Check that a step with these keys could be done: manifests, rights, and a trial by the cluster",
		func(ctx context.Context, r sdk.Request[merged[C]], s *sdk.Session) (sdk.Result, error) {
			return d.performer.perform(ctx, r.RunRequest, s, func(ctx context.Context, out *journal) (sdk.Result, error) {
				p, err := r.Config.prospect(ctx, r.Step, out, run)
				if err != nil {
					return failed(out, err)
				}
				return p.validate(ctx, out)
			})
		})
}

func (p *prospect) validate(ctx context.Context, out *journal) (sdk.Result, error) {
	who, err := p.identity(ctx)
	if err != nil {
		who = ""
	}
	out.say("%s read: %s", count(len(p.targets), "object"), kinds(p.targets))
	lacking, err := p.lacking(ctx, p.allRights())
	if err != nil {
		return failed(out, err)
	}
	if len(lacking) == 0 {
		out.say("rights: %s may do all of it", person(who))
	} else {
		for _, r := range lacking {
			out.say("error: %s", r.missing(who))
		}
		out.say("an administrator gives these rights with:\n\n%s", roles(who, lacking))
	}
	err = p.rehearse(ctx, p.targets, p.options)
	var no *refused
	switch {
	case err == nil:
		out.say("trial: the cluster accepts all that it can try")
	case errors.As(err, &no):
		out.say("error: %s", no.message)
		for _, line := range no.lines {
			out.say("%s", line)
		}
	case sdk.ClassOf(err) == sdk.ClassAuthentication && len(lacking) > 0:
		out.say("trial: not possible without these rights")
	default:
		return sdk.Result{}, err
	}
	switch {
	case len(lacking) > 0:
		return sdk.Failed("%s", together(missing(who, lacking)).Error()), nil
	case err != nil:
		return sdk.Failed("%s", firstLine(err.Error())), nil
	}
	result := sdk.Succeeded()
	result.Message = count(len(p.targets), "object") + " would be accepted"
	return result, nil
}

func missing(who string, lacking []right) []error {
	all := make([]error, len(lacking))
	for i, r := range lacking {
		all[i] = &refused{message: r.missing(who)}
	}
	return all
}

// allRights are those for the objects and what the step needs besides, each once.
func (p *prospect) allRights() []right {
	all := append(needs(p.targets, "create", "get", "patch"), p.rights...)
	slices.SortFunc(all, compareRights)
	return slices.Compact(all)
}

// kinds counts objects by kind.
func kinds(targets []*target) string {
	counts := map[string]int{}
	var order []string
	for _, t := range targets {
		if counts[t.kind()] == 0 {
			order = append(order, t.kind())
		}
		counts[t.kind()]++
	}
	for i, kind := range order {
		order[i] = fmt.Sprintf("%d %s", counts[kind], kind)
	}
	return strings.Join(order, ", ")
}
