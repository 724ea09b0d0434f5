package webhook

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// candidate is a trigger that a delivery may be for.
type candidate struct {
	pipelineID string
	trigger    core.Trigger
}

// group is the triggers for which a delivery is read in the same way.
type group struct {
	connector  string
	secret     string // empty only for triggers that want no signature
	options    json.RawMessage
	candidates []candidate
}

// groups finds those that a delivery is to be tried on, and why others cannot be. None
// is what a pipeline without triggers has, and one that is not there.
func (s *Service) groups(ctx context.Context, in core.IncomingDelivery) (connector string, list []*group, missing []string, err error) {
	if in.Connector != "" {
		return s.centralGroups(ctx, in.Connector)
	}
	sender := s.senderOf(ctx, in.Headers)
	spec, err := s.spec(ctx, in.PipelineID)
	if core.CodeOf(err) == core.CodeNotFound {
		return orDefault(sender), nil, nil, nil
	}
	if err != nil {
		return "", nil, nil, err
	}
	connector, candidates := candidatesOf(spec, in.PipelineID, sender)
	if len(candidates) == 0 {
		return connector, nil, []string{"the pipeline has no trigger for deliveries of " + connector}, nil
	}
	list, missing, err = s.grouped(ctx, connector, in.PipelineID, candidates)
	return connector, list, missing, err
}

func orDefault(connector string) string {
	if connector == "" {
		return defaultConnector
	}
	return connector
}

// candidatesOf lists the triggers of a pipeline that take what this sender sends. For
// a delivery that no connector knows as its own, the first connector that a trigger
// names reads it.
func candidatesOf(spec *core.Spec, pipelineID, sender string) (connector string, list []candidate) {
	connector = sender
	for i := range spec.Triggers {
		if t := &spec.Triggers[i]; connector == "" && t.Type.Delivered() {
			connector = t.Config.Connector
		}
	}
	connector = orDefault(connector)
	for _, t := range spec.Triggers {
		if t.Type.Delivered() && (t.Config.Connector == "" || t.Config.Connector == connector) {
			list = append(list, candidate{pipelineID: pipelineID, trigger: t})
		}
	}
	return connector, list
}

// grouped puts triggers of one pipeline together, with the values of their secrets. The
// scope is the pipeline, or "" for global secrets alone.
func (s *Service) grouped(ctx context.Context, connector, scope string, candidates []candidate) (list []*group, missing []string, err error) {
	values := map[string]string{"": ""}
	for _, c := range candidates {
		name := c.trigger.Config.SecretName()
		secret, known := values[name]
		if !known {
			got, err := s.Secrets.Resolve(ctx, scope, []string{name})
			if err != nil && core.CodeOf(err) != core.CodeNotFound {
				return nil, nil, err
			}
			secret = got[name]
			values[name] = secret
		}
		if name != "" && secret == "" {
			missing = append(missing, "there is no secret "+name+" to verify it with")
			continue
		}
		at := slices.IndexFunc(list, func(g *group) bool {
			return g.secret == secret && string(g.options) == string(c.trigger.Config.Options)
		})
		if at < 0 {
			if at = len(list); at == maxGroups {
				missing = append(missing, "too many different secrets: the other triggers were not tried")
				break
			}
			list = append(list, &group{connector: connector, secret: secret, options: c.trigger.Config.Options})
		}
		list[at].candidates = append(list[at].candidates, c)
	}
	slices.Sort(missing)
	return list, slices.Compact(missing), nil
}

// centralGroups are for a connector's address: its deliveries are signed with a global
// secret, whatever secret of its own a pipeline has.
func (s *Service) centralGroups(ctx context.Context, connector string) (string, []*group, []string, error) {
	if err := s.known(ctx, connector); err != nil {
		return "", nil, nil, err
	}
	pipelines, err := s.central(ctx)
	if err != nil {
		return "", nil, nil, err
	}
	slices.SortFunc(pipelines, func(a, b indexed) int { return strings.Compare(a.pipelineID, b.pipelineID) })
	var candidates []candidate
	for _, p := range pipelines {
		for _, t := range p.triggers {
			if t.Config.Connector == "" || t.Config.Connector == connector {
				candidates = append(candidates, candidate{pipelineID: p.pipelineID, trigger: t})
			}
		}
	}
	if len(candidates) == 0 {
		// Still verified, so that the sender's first try (GitHub's ping) says whether the
		// secret is right.
		candidates = []candidate{{}}
	}
	list, missing, err := s.grouped(ctx, connector, "", candidates)
	return connector, list, missing, err
}
