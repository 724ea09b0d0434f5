package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const planned = `name: shop
environment: {TAG: "1.0"}
stages:
- name: all
  steps:
  - {name: build, run: "make ${TAG}"}
  - {name: job, step_type: kubernetes, secrets: [DEPLOY_TOKEN], config: {image: "shop:${TAG}", command: "true", environment: {NOTE: "with ${{ secrets.DEPLOY_TOKEN }}"}}}
`

func TestPlan(t *testing.T) {
	t.Parallel()
	secret := []string{"DEPLOY_TOKEN=s3cret-token"}
	o := patchbayWith(t, secret, "plan", write(t, "p.yaml", planned), "--secret", "DEPLOY_TOKEN")
	if o.code != 0 {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	for _, want := range []string{"build (shell): would run; the connector cannot say", "job (kubernetes): run: a Job would run",
		"> run job.batch/patchbay-", "image: shop:1.0", "> run secret/patchbay-", "DEPLOY_TOKEN: (hidden, 12 bytes)"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%q is not in:\n%s", want, o.stdout)
		}
	}
	if strings.Contains(o.stdout, "s3cret-token") {
		t.Errorf("a secret is told:\n%s", o.stdout)
	}
}

func TestPlanFails(t *testing.T) {
	t.Parallel()
	broken := `name: shop
stages: [{name: s, steps: [{name: a, step_type: kubernetes, config: {manifest: absent.yaml}}, {name: b, run: "true"}]}]
`
	o := patchbayWith(t, []string{"KUBECONFIG=/nowhere"}, "plan", "-o", "json", write(t, "p.yaml", broken))
	var steps []struct{ Step, Action, Summary, Error string }
	if err := json.Unmarshal([]byte(o.stdout), &steps); err != nil || len(steps) != 2 || o.code != 1 {
		t.Fatalf("exit code %d, %v: %s%s", o.code, err, o.stdout, o.stderr)
	}
	if steps[0].Action != "apply" || !strings.Contains(steps[0].Error, `there is no "absent.yaml" in the workspace`) || steps[1].Summary == "" {
		t.Errorf("got %+v", steps)
	}
	for name, content := range map[string]string{"not valid": "name: x\n", "no file": ""} {
		t.Run(name, func(t *testing.T) {
			file := "absent.yaml"
			if content != "" {
				file = write(t, "p.yaml", content)
			}
			if o := patchbay(t, "plan", file); o.code != 2 {
				t.Errorf("exit code %d: %s%s", o.code, o.stdout, o.stderr)
			}
		})
	}
}
