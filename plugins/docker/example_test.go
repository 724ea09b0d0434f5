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

// TestExampleImage builds the image of the example, with a file in place of what the
// step before compiles, and looks for what the example promises.
func TestExampleImage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	source, err := os.ReadFile(filepath.Join("..", "..", "examples", "pipelines", "image.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var pipeline struct {
		Stages []struct {
			Steps []struct {
				Config map[string]any
			}
		}
	}
	if err := yaml.Unmarshal(source, &pipeline); err != nil {
		t.Fatal(err)
	}
	config := pipeline.Stages[0].Steps[1].Config
	config["image"] = b.name()
	b.put(map[string]string{"app/hello": "a program"})
	step := b.buildIt(config)
	step.succeeded(t)
	found, err := b.connector.engine.api.ImageInspect(t.Context(), step.outputs["image"])
	if err != nil || found.Config.User != "65534:65534" || found.Config.Labels["org.opencontainers.image.version"] != "1.0" {
		t.Errorf("got %+v, %v", found.Config, err)
	}
}
