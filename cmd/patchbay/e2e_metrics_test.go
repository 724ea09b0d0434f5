package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrape parses what an address answers, as Prometheus does.
func scrape(t *testing.T, url, token string) map[string]*dto.MetricFamily {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("GET %s: %d: %s", url, response.StatusCode, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// query is a PromQL expression of one of the example's files, and where it is from.
type query struct{ where, expr string }

// queriesOf reads the queries of the dashboard and the alerts.
func queriesOf(t *testing.T) []query {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query any } }
	}
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	for file, read := range map[string]func([]byte) error{
		"dashboard.json": func(data []byte) error { return json.Unmarshal(data, &dashboard) },
		"alerts.yml":     func(data []byte) error { return yaml.Unmarshal(data, &alerts) },
	} {
		data, err := os.ReadFile("../../examples/observability/" + file)
		if err == nil {
			err = read(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var list []query
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			list = append(list, query{p.Title, target.Expr})
		}
	}
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			list = append(list, query{rule.Alert, rule.Expr})
		}
	}
	if len(list) < 30 {
		t.Fatalf("only %d queries were read", len(list))
	}
	return list
}

var (
	metricName = regexp.MustCompile(`\b(?:patchbay|process|go)_[a-z0-9_]+`)
	groupedBy  = regexp.MustCompile(`by \(([a-z, ]+)\)`)
	matched    = regexp.MustCompile(`([a-z]+)=~?"`)
	// givenByPrometheus are the labels that a server does not know of itself.
	givenByPrometheus = []string{"instance", "job", "le"}
)

// Every metric and label that the example's dashboard and alerts ask for is there, once
// something has run.
func TestDashboardAsksForWhatIsThere(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	pipeline := s.create(write(t, "p.yaml", "name: p\nstages: [{name: s, steps: [{name: a, run: 'echo hi'}, {name: b, run: 'exit 1', retry_count: 1}]}]\n"))
	if e := s.finished(s.trigger(pipeline)); e.Status != "failed" {
		t.Fatalf("%+v", e)
	}
	families := scrape(t, s.url+"/metrics", s.token)
	for _, q := range queriesOf(t) {
		names := metricName.FindAllString(q.expr, -1)
		if len(names) == 0 && !strings.HasPrefix(q.expr, "up{") {
			t.Errorf("%s: no metric in %s", q.where, q.expr)
		}
		var labels []string
		for _, by := range groupedBy.FindAllStringSubmatch(q.expr, -1) {
			labels = append(labels, strings.Split(by[1], ", ")...)
		}
		for _, m := range matched.FindAllStringSubmatch(q.expr, -1) {
			labels = append(labels, m[1])
		}
		for _, name := range names {
			family := families[name]
			if base := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"); family == nil && families[base].GetType() == dto.MetricType_HISTOGRAM {
				family = families[base]
			}
			if family == nil {
				t.Errorf("%s: there is no metric %s", q.where, name)
				continue
			}
			for _, label := range labels {
				if !slices.Contains(givenByPrometheus, label) && !hasLabel(family, label) {
					t.Errorf("%s: %s has no label %s", q.where, name, label)
				}
			}
		}
	}
	if total := sample(families["patchbay_steps_total"], "shell", "failed"); total != 1 {
		t.Errorf("%v steps failed", total)
	}
	if retries := sample(families["patchbay_step_retries_total"], "shell"); retries != 1 {
		t.Errorf("%v retries", retries)
	}
	if ended := sample(families["patchbay_executions_total"], "failed"); ended != 1 {
		t.Errorf("%v executions failed", ended)
	}
}

func hasLabel(family *dto.MetricFamily, name string) bool {
	for _, metric := range family.GetMetric() {
		for _, pair := range metric.GetLabel() {
			if pair.GetName() == name {
				return true
			}
		}
		if name == "quantile" && metric.GetSummary() != nil {
			return true
		}
	}
	return false
}

// sample is the value of the counter with these label values, in the order of their names.
func sample(family *dto.MetricFamily, values ...string) float64 {
	for _, metric := range family.GetMetric() {
		var have []string
		for _, pair := range metric.GetLabel() {
			have = append(have, pair.GetValue())
		}
		if slices.Equal(have, values) {
			return metric.GetCounter().GetValue()
		}
	}
	return -1
}
