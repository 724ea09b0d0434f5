package deploy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

// plan asks what a step would do.
func (b *bench) plan(action string, config map[string]any) sdk.Plan {
	b.t.Helper()
	plan, err := b.client.PlanStep(b.t.Context(), sdk.PlanRequest{Step: b.request(action, config).Step})
	if err != nil {
		b.t.Fatal(err)
	}
	return plan
}

// actions are what a plan would do, one a line.
func actions(plan sdk.Plan) []string {
	var all []string
	for _, c := range plan.Changes {
		all = append(all, c.Action+" "+c.Target)
	}
	return all
}

func secret(value string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {token: " + value + ", other: same}\n"
}

func TestPlanApply(t *testing.T) {
	b := newBench(t)
	b.succeeds("apply", map[string]any{"release": "shop", "manifest": []any{configMap("stays", "1"), configMap("changes", "old"), configMap("goes", "1"), secret("first-value")}})
	next := map[string]any{"release": "shop", "prune": true, "manifest": []any{configMap("stays", "1"), configMap("changes", "new"), configMap("comes", "1"), secret("second-value")}}
	plan := b.plan("apply", next)
	in := " in namespace " + b.namespace
	want := []string{"update secret/key" + in, "update configmap/changes" + in, "create configmap/comes" + in, "delete configmap/goes" + in}
	if diff := cmp.Diff(want, actions(plan)); diff != "" {
		t.Error(diff)
	}
	var details strings.Builder
	for _, c := range plan.Changes {
		details.WriteString(c.Details)
	}
	contains(t, details.String(), "-  value: old\n+  value: new\n", "(hidden, changed, 12 bytes)", "other: (hidden, 4 bytes)")
	if text := details.String(); strings.Contains(text, "-value") || strings.Contains(text, "Zmlyc3Q") {
		t.Errorf("a secret is told:\n%s", text)
	}
	if b.value("changes") != "old" || b.value("goes") != "1" || b.value("comes") != "none" {
		t.Error("planning has changed something")
	}
	b.succeeds("apply", next)
	if plan := b.plan("apply", next); len(plan.Changes) > 0 || plan.Summary != "apply: nothing would change" {
		t.Errorf("after the apply: %s %v", plan.Summary, actions(plan))
	}
}

func TestPlanRefused(t *testing.T) {
	b := newBench(t)
	plan := b.plan("apply", map[string]any{"manifest": "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999999}]}\n"})
	if len(plan.Changes) != 1 || !strings.Contains(plan.Changes[0].Details, "# would be refused") {
		t.Errorf("got %+v", plan)
	}
	_, err := b.client.PlanStep(t.Context(), sdk.PlanRequest{Step: b.request("apply", map[string]any{"manifest": "absent"}).Step})
	if sdk.ClassOf(err) != sdk.ClassInvalidConfig {
		t.Errorf("got %v", err)
	}
}

func TestPlanHelmAndRollback(t *testing.T) {
	b := newBench(t)
	b.chart("shop")
	in := " in namespace " + b.namespace
	if diff := cmp.Diff([]string{"create configmap/shop-config" + in, "create configmap/extra" + in, "create deployment.apps/web" + in},
		actions(b.plan("helm", map[string]any{"helm_chart": "shop"}))); diff != "" {
		t.Error(diff)
	}
	b.succeeds("helm", map[string]any{"helm_chart": "shop"})
	next := map[string]any{"helm_chart": "shop", "values": map[string]any{"greeting": "new", "extra": false, "command": "sleep 1001"}}
	changes := []string{"update configmap/shop-config" + in, "update deployment.apps/web" + in, "delete configmap/extra" + in}
	plan := b.plan("helm", next)
	if diff := cmp.Diff(changes, actions(plan)); diff != "" {
		t.Error(diff)
	}
	contains(t, plan.Changes[0].Details, "-  value: hello\n+  value: new")
	b.succeeds("helm", next)
	plan = b.plan("rollback", map[string]any{"release": "shop"})
	contains(t, plan.Summary, "from revision 2 to 1")
	plan = b.plan("rollback", map[string]any{"resource": "deployment/web"})
	contains(t, plan.Summary, "from revision 2 to 1")
	contains(t, plan.Changes[0].Details, "-        - sleep 1001\n+        - sleep 1000")
	plan = b.plan("helm", map[string]any{"release": "shop", "uninstall": true})
	if diff := cmp.Diff([]string{"delete configmap/shop-config" + in, "delete deployment.apps/web" + in}, actions(plan)); diff != "" {
		t.Error(diff)
	}
}

func TestRender(t *testing.T) {
	b := newBench(t)
	b.chart("shop")
	said := b.succeeds("render", map[string]any{"helm_chart": "shop", "values": map[string]any{"greeting": "rendered"}, "output": "out/shop.yaml"})
	contains(t, said, "value: rendered", "kind: Deployment")
	b.succeeds("apply", map[string]any{"manifest": "out/shop.yaml"})
	if b.value("shop-config") != "rendered" {
		t.Error("what was rendered to a file is not what was applied")
	}
	said = b.succeeds("render", map[string]any{"manifest": secret("my-value"), "output": "secret.yaml", "with_secrets": true})
	contains(t, said, "(hidden, 8 bytes)")
	if strings.Contains(said, "my-value") {
		t.Errorf("a secret is told:\n%s", said)
	}
	b.succeeds("apply", map[string]any{"manifest": "secret.yaml"})
	end := b.run("render", map[string]any{"manifest": configMap("x", "1"), "output": "../x.yaml"})
	contains(t, end.text(), "output ../x.yaml cannot be written")
	end = b.run("render", map[string]any{"manifest": configMap("x", "1"), "atomic": true})
	contains(t, end.text(), "atomic")
}

// FuzzParse has no manifest end the connector.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "---\n", configMap("a", "b"), "a: &a [*a]", "{}", "[]", "kind: List\nitems: [1]", "---\n--- # x\n...\n", "\xff", `{"kind":"XList","apiVersion":"v1","items":[{"kind":"YList","items":[]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		documents, err := parse(data, "fuzz")
		for _, d := range documents {
			if err != nil || d.object.GetName() == "" || d.object.GetKind() == "" {
				t.Errorf("got %v, %v", d.object, err)
			}
			if _, err := json.Marshal(d.object); err != nil {
				t.Error(err)
			}
		}
	})
}
