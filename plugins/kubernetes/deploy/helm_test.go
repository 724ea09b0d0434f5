package deploy

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// chart puts one into the workspace: a ConfigMap, and a Deployment that runs a command.
func (b *bench) chart(folder string) {
	b.file(folder+"/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.2.3\n")
	b.file(folder+"/values.yaml", "greeting: hello\ncommand: sleep 1000\nextra: true\n")
	b.file(folder+"/templates/NOTES.txt", "Say {{ .Values.greeting }} to revision {{ .Release.Revision }}.\n")
	b.file(folder+"/templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-config}\ndata: {value: {{ .Values.greeting | quote }}}\n"+
		"---\n{{ if .Values.extra }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {value: \"1\"}\n{{ end }}")
	b.file(folder+"/templates/web.yaml", strings.Replace(b.deployment("web", "COMMAND"), `"COMMAND"`, "{{ .Values.command | quote }}", 1))
}

// revisions are what Helm keeps of a release.
func (b *bench) revisions(release string) []string {
	b.t.Helper()
	kept, err := b.cluster.typed.CoreV1().Secrets(b.namespace).List(b.t.Context(), metav1.ListOptions{LabelSelector: "owner=helm,name=" + release})
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, secret := range kept.Items {
		all = append(all, secret.Labels["version"]+" "+secret.Labels["status"])
	}
	return all
}

func TestHelm(t *testing.T) {
	b := newBench(t)
	b.chart("charts/shop")
	b.file("values/production.yaml", "greeting: good day\n")
	end := b.run("", map[string]any{"helm_chart": "charts/shop", "values": []any{"values/production.yaml", map[string]any{"extra": false}}})
	if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("got %+v, %v: %s", end.result, end.err, end.text())
	}
	contains(t, end.text(), "Say good day to revision 1.", "deployment.apps/web: ready")
	if b.value("shop-config") != "good day" || b.value("extra") != "none" || end.said.outputs["revision"] != "1" || end.said.outputs["notes"] != "Say good day to revision 1." {
		t.Errorf("config is %s, extra is %s, outputs are %v", b.value("shop-config"), b.value("extra"), end.said.outputs)
	}
	if out, err := exec.Command("tar", "-C", filepath.Join(b.workspace, "charts"), "-czf", filepath.Join(b.workspace, "shop.tgz"), "shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	contains(t, b.succeeds("helm", map[string]any{"helm_chart": "shop.tgz", "release": "shop", "values": map[string]any{"greeting": "hi"}}), "revision 2", "Say hi")
	if b.value("shop-config") != "hi" || b.value("extra") != "1" {
		t.Errorf("config is %s, extra is %s", b.value("shop-config"), b.value("extra"))
	}
	b.succeeds("rollback", map[string]any{"release": "shop"})
	if b.value("shop-config") != "good day" {
		t.Errorf("config is %s", b.value("shop-config"))
	}
	uninstall := map[string]any{"release": "shop", "uninstall": true}
	contains(t, b.succeeds("helm", uninstall), "uninstalled")
	contains(t, b.succeeds("helm", uninstall), "there is no release shop")
	if left := b.revisions("shop"); len(left) > 0 || b.value("shop-config") != "none" {
		t.Errorf("left: %v", left)
	}
}

func TestHelmAtomic(t *testing.T) {
	b := newBench(t)
	b.chart("shop")
	broken := map[string]any{"helm_chart": "shop", "atomic": true, "patience": 1, "values": map[string]any{"command": "echo cannot; exit 5", "greeting": "bad"}}
	end := b.run("helm", broken)
	contains(t, end.text(), "exit code 5", "| cannot", "everything is back as it was")
	if left := b.revisions("shop"); len(left) > 0 || b.value("shop-config") != "none" {
		t.Errorf("left after a first install: %v", left)
	}
	b.succeeds("helm", map[string]any{"helm_chart": "shop"})
	end = b.run("helm", broken)
	contains(t, end.text(), "rolling the release shop back to revision 1")
	if b.value("shop-config") != "hello" || end.result.Outcome != sdk.OutcomeFailed {
		t.Errorf("config is %s; %+v, %v", b.value("shop-config"), end.result, end.err)
	}
}

// TestHelmKilled kills the process in mid-upgrade, which leaves the release pending.
func TestHelmKilled(t *testing.T) {
	b := newBench(t)
	b.chart("shop")
	b.file("shop/templates/web.yaml", b.slow())
	client, process := launch(t)
	r := b.request("helm", map[string]any{"helm_chart": "shop", "patience": "1m"})
	_, said, ended := b.start(client, r)
	said.await(t, "deployment.apps/slow: ")
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; !errors.Is(end.err, sdk.ErrGone) {
		t.Fatalf("got %+v, %v", end.result, end.err)
	}
	if got := fmt.Sprint(b.revisions("shop")); got != "[1 pending-install]" {
		t.Errorf("the kill left %s", got)
	}
	r.Offsets = said.offsets
	_, rest, ended := b.start(b.client, r)
	rest.await(t, "revision 1 was left pending-install")
	b.letGo()
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("got %+v, %v: %s", end.result, end.err, end.text())
	}
	b.forget(r) // killed again, between the upgrade and the result
	_, _, ended = b.start(b.client, r)
	if end := <-ended; end.err != nil || !strings.Contains(end.text(), "before the interruption") {
		t.Errorf("got %+v, %v: %s", end.result, end.err, end.text())
	}
	if got := fmt.Sprint(b.revisions("shop")); got != "[1 superseded 2 deployed]" {
		t.Errorf("there is %s", got)
	}
}

func TestHelmRefused(t *testing.T) {
	b := newBench(t)
	b.chart("shop")
	b.file("needs/Chart.yaml", "apiVersion: v2\nname: needs\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'https://example.invalid'}]\n")
	b.file("broken/Chart.yaml", "apiVersion: v2\nname: broken\nversion: 1.0.0\n")
	b.file("broken/templates/x.yaml", "a: {{ .Values.no.such }}\n")
	b.chart("linked")
	if err := os.Symlink("/etc/hostname", filepath.Join(b.workspace, "linked/templates/stolen")); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		config map[string]any
		want   string
	}{
		"link":         {map[string]any{"helm_chart": "linked"}, "linked/templates/stolen is a symbolic link"},
		"no chart":     {map[string]any{"helm_chart": "absent"}, `there is no "absent" in the workspace`},
		"outside":      {map[string]any{"helm_chart": "../.."}, "in the workspace"},
		"no such file": {map[string]any{"helm_chart": "shop", "values": "absent.yaml"}, "absent.yaml"},
		"dependency":   {map[string]any{"helm_chart": "needs"}, "needs the chart redis"},
		"template":     {map[string]any{"helm_chart": "broken"}, "nil pointer evaluating"},
		"key of apply": {map[string]any{"helm_chart": "shop", "prune": true}, "prune"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			end := b.run("helm", c.config)
			if end.result.Outcome == sdk.OutcomeSucceeded {
				t.Errorf("got %+v", end.result)
			}
			contains(t, end.text(), c.want)
		})
	}
}

// TestHelmRepository fetches a chart from a repository, which is files on a web server.
func TestHelmRepository(t *testing.T) {
	b := newBench(t)
	b.chart("charts/shop")
	served := t.TempDir()
	if out, err := exec.Command("tar", "-C", filepath.Join(b.workspace, "charts"), "-czf", filepath.Join(served, "shop-1.2.3.tgz"), "shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	index := "apiVersion: v1\nentries:\n  shop:\n  - {name: shop, version: 1.2.3, apiVersion: v2, urls: [shop-1.2.3.tgz]}\n"
	if err := os.WriteFile(filepath.Join(served, "index.yaml"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(served)))
	t.Cleanup(server.Close)
	contains(t, b.succeeds("helm", map[string]any{"helm_chart": "shop", "repository": server.URL, "version": "~1.2"}), "shop 1.2.3, revision 1")
	contains(t, b.succeeds("helm", map[string]any{"helm_chart": server.URL + "/shop-1.2.3.tgz"}), "shop 1.2.3, revision 2")
	end := b.run("helm", map[string]any{"helm_chart": "shop", "repository": server.URL, "version": "9"})
	contains(t, end.text(), "fetch the chart shop", "version")
	if sdk.ClassOf(end.err) != sdk.ClassExternalService {
		t.Errorf("got %v", end.err)
	}
}
