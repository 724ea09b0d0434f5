package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/patchbay-ci/patchbay/sdk"
)

// RenderAction shows the manifests that a step would apply, and can write them to a
// file. run is for steps of the connector's own action.
func RenderAction[C any](d *Deployer, run Runner[C]) sdk.Action {
	return sdk.NewAction("render", "Show the manifests that a step with these keys would apply",
		func(ctx context.Context, r sdk.Request[merged[C]], s *sdk.Session) (sdk.Result, error) {
			return d.performer.perform(ctx, r.RunRequest, s, func(ctx context.Context, out *journal) (sdk.Result, error) {
				p, err := r.Config.prospect(ctx, r.Step, out, run)
				if err != nil {
					return failed(out, err)
				}
				for _, t := range p.targets {
					out.say("---\n%s", shown(t.object))
				}
				result := sdk.Succeeded()
				result.Message = count(len(p.targets), "object") + " rendered"
				if r.Config.Output != "" {
					result.Message += " to " + r.Config.Output
					err = writeManifests(r.Step.Workspace.Path, r.Config.Output, p.targets, r.Config.WithSecrets)
				}
				return result, err
			})
		})
}

// writeManifests writes the objects into a file of the workspace, which another step
// may apply.
func writeManifests(workspace, name string, targets []*target, withSecrets bool) error {
	var all strings.Builder
	for _, t := range targets {
		all.WriteString("---\n")
		if !withSecrets {
			all.WriteString(shown(t.object))
			continue
		}
		data, err := yaml.Marshal(bare(t.object).Object)
		if err != nil {
			return fmt.Errorf("write %s: %w", t, err)
		}
		all.Write(data)
	}
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	name = inside(workspace, name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return badOutput(name, err)
	}
	mode := os.FileMode(0o644)
	if withSecrets {
		mode = 0o600
	}
	if err := root.WriteFile(name, []byte(all.String()), mode); err != nil {
		return badOutput(name, err)
	}
	return nil
}

func badOutput(name string, err error) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/output", Err: err,
		Message: fmt.Sprintf("output %s cannot be written: %v", name, err), Suggestion: "give a path relative to the workspace, without leaving it"}
}
