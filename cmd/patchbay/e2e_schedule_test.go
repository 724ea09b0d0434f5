package main

import (
	"strings"
	"testing"
	"time"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data)
	id := s.create(write(t, "p.yaml", `name: nightly
triggers:
  - {trigger_type: schedule, config: {cron_expression: "30 2 * * *", timezone: Europe/Berlin}}
stages: [{name: s, steps: [{name: a, run: "true"}]}]
`))
	var list []struct {
		PipelineID string    `json:"pipeline_id"`
		Next       time.Time `json:"next"`
	}
	await := func(n int) {
		t.Helper()
		deadline := time.Now().Add(eventually)
		for {
			s.decode(s.client("schedule", "list", "-o", "json"), &list)
			if len(list) == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d schedules, want %d", len(list), n)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	await(1)
	if list[0].PipelineID != id || !list[0].Next.After(time.Now()) || time.Until(list[0].Next) > 25*time.Hour {
		t.Errorf("%+v", list)
	}
	if o := s.client("schedule", "list"); !strings.Contains(o.stdout, "nightly") {
		t.Error(o.stdout)
	}
	if o := s.client("pipeline", "delete", id); o.code != 0 {
		t.Fatal(o.stderr)
	}
	await(0)
}
