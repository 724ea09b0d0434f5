package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestExamplePipeline runs the steps of the example one after the other.
func TestExamplePipeline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	source, err := os.ReadFile(filepath.Join("..", "..", "examples", "pipelines", "containers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var pipeline struct {
		Environment map[string]string
		Stages      []struct {
			Steps []struct {
				Name   string
				Config map[string]any
			}
		}
	}
	if err := yaml.Unmarshal(source, &pipeline); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, stage := range pipeline.Stages {
		for _, step := range stage.Steps {
			r := b.request(step.Config)
			r.Step.Environment = pipeline.Environment
			result, said, err := b.run(r)
			if err != nil || result.Outcome != sdk.OutcomeSucceeded {
				t.Errorf("%s: %+v, %v\n%s%s", step.Name, result, err, said.stdout.String(), said.stderr.String())
			}
			ran++
		}
	}
	if ran != 4 {
		t.Errorf("%d steps ran", ran)
	}
}
