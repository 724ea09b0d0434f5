package deploy

import (
	"context"
	"encoding/json"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

func prospectApply(step sdk.Step, raw json.RawMessage) (*prospect, error) {
	var config ApplyConfig
	if err := strictly(raw, &config); err != nil {
		return nil, err
	}
	documents, err := config.Manifest.read(step.Workspace.Path)
	if err != nil {
		return nil, err
	}
	c, err := open(step, config.Access)
	if err != nil {
		return nil, err
	}
	p := &prospect{client: c, options: applyOptions{force: config.Force, createNamespace: config.CreateNamespace}}
	if p.targets, err = resolve(c, documents); err != nil {
		return nil, err
	}
	if config.Release != "" {
		c.newSet(config.Release).claim(p.targets)
		for _, verb := range []string{"create", "get", "patch"} {
			p.rights = append(p.rights, right{verb: verb, resource: "configmaps", namespace: c.Namespace})
		}
	}
	if config.Prune {
		p.rights = append(p.rights, needs(p.targets, "delete", "list")...)
	}
	if config.OnFailure == onFailureRollback {
		p.rights = append(p.rights, needs(p.targets, "delete", "update")...)
	}
	if config.CreateNamespace {
		p.rights = append(p.rights, right{verb: "create", resource: "namespaces"})
	}
	return p, nil
}

func prospectHelm(ctx context.Context, step sdk.Step, raw json.RawMessage, out *journal) (*prospect, error) {
	var config HelmConfig
	if err := strictly(raw, &config); err != nil {
		return nil, err
	}
	c, err := open(step, config.Access)
	if err != nil {
		return nil, err
	}
	h, err := c.helmFor(ctx, config, step, out)
	if err != nil {
		return nil, err
	}
	made, _, err := h.render()
	if err != nil {
		return nil, err
	}
	p := &prospect{client: c, options: applyOptions{manager: helmManager, force: true, createNamespace: config.CreateNamespace}}
	p.targets, err = h.targets(made.Manifest)
	p.rights = needs(p.targets, "delete")
	for _, verb := range []string{"create", "delete", "get", "list", "update"} {
		p.rights = append(p.rights, right{verb: verb, resource: "secrets", namespace: c.Namespace})
	}
	return p, err
}

func prospectRun[C any](ctx context.Context, step sdk.Step, raw json.RawMessage, run Runner[C]) (*prospect, error) {
	var config C
	if err := strictly(raw, &config); err != nil {
		return nil, err
	}
	var access cluster.Access
	if err := json.Unmarshal(raw, &access); err != nil {
		return nil, sdk.Errorf(sdk.ClassInvalidConfig, "%v", err)
	}
	objects, err := run(ctx, step, config)
	if err != nil {
		return nil, err
	}
	c, err := open(step, access)
	if err != nil {
		return nil, err
	}
	documents := make([]document, len(objects))
	for i, object := range objects {
		documents[i] = document{object: object, source: "step"}
	}
	p := &prospect{client: c, options: applyOptions{force: true}}
	if p.targets, err = resolve(c, documents); err != nil {
		return nil, err
	}
	for _, verb := range []string{"get", "list", "watch"} {
		p.rights = append(p.rights, right{verb: verb, resource: "pods", namespace: c.Namespace})
	}
	p.rights = append(append(p.rights, needs(p.targets, "delete")...), right{verb: "get", resource: "pods/log", namespace: c.Namespace})
	return p, nil
}
