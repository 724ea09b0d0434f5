package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// line is a queue in which something runs until idle is closed.
type line struct {
	state core.QueueState
	by    string
	idle  chan struct{}
}

func (l *line) Pause(_ context.Context, by string) error {
	l.state.Paused, l.by = true, by
	return nil
}

func (l *line) Resume(_ context.Context, by string) error {
	l.state.Paused, l.by = false, by
	return nil
}

func (l *line) Drain(ctx context.Context, by string) error {
	l.state.Paused, l.by = true, by
	select {
	case <-l.idle:
		l.state.Running = 0
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *line) Queue(context.Context) core.QueueState { return l.state }

func TestQueue(t *testing.T) {
	t.Parallel()
	l := &line{idle: make(chan struct{}), state: core.QueueState{Running: 1, Waiting: 2, Slots: 4,
		Entries: []core.QueueEntry{{ExecutionID: "e", PipelineID: "p", PipelineName: "n", Priority: -3, Reason: "all slots are taken"}}}}
	b := newBench(t, func(h *handlers) { h.Queue = l })
	if q := decoded[Queue](t, b.do("GET", "/api/queue", "", "")); q.Paused || q.Running != 1 || q.Waiting != 2 || q.Slots != 4 || len(q.Entries) != 1 || q.Entries[0].Reason != "all slots are taken" {
		t.Errorf("%+v", q)
	}
	if q := decoded[Queue](t, b.do("POST", "/api/queue/pause", "", "")); !q.Paused || l.by != "admin" {
		t.Errorf("%+v by %q", q, l.by)
	}
	if q := decoded[Queue](t, b.do("POST", "/api/queue/resume", "", "")); q.Paused {
		t.Errorf("%+v", q)
	}
	a := b.do("POST", "/api/queue/drain?timeout=1", "", "")
	if e := decoded[Error](t, a); a.status != http.StatusGatewayTimeout || e.Error != TimeoutError || !strings.Contains(e.Message, "still run") || !l.state.Paused {
		t.Errorf("%d: %+v", a.status, e)
	}
	for _, timeout := range []string{"0", "3601", "x"} {
		if a := b.do("POST", "/api/queue/drain?timeout="+timeout, "", ""); a.status != http.StatusBadRequest {
			t.Errorf("timeout %s: %d", timeout, a.status)
		}
	}
	close(l.idle)
	if q := decoded[Queue](t, b.do("POST", "/api/queue/drain", "", "")); q.Running != 0 || !q.Paused {
		t.Errorf("%+v", q)
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	next := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	b := newBench(t, func(h *handlers) {
		h.Schedules = func(context.Context) ([]core.ScheduleState, error) {
			return []core.ScheduleState{{PipelineID: "p", PipelineName: "n", CronExpression: "4 3 * * *", TimeZone: "Europe/Berlin", Next: &next}}, nil
		}
	})
	list := decoded[[]Schedule](t, b.do("GET", "/api/ci/schedules", "", ""))
	if len(list) != 1 || list[0].CronExpression != "4 3 * * *" || *list[0].Timezone != "Europe/Berlin" || !list[0].Next.Equal(next) || list[0].Last != nil {
		t.Errorf("%+v", list)
	}
}

// A part that a server does not have is no crash, and no lie.
func TestAbsentParts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, route := range []string{"POST /ci/executions/x/retry", "POST /ci/executions/x/approve", "GET /ci/executions/x/artifacts", "GET /ci/artifacts/x",
		"GET /ci/artifacts/x/archive", "GET /ci/artifacts/x/files/y/z", "GET /ci/schedules", "GET /secrets", "PUT /secrets/x", "DELETE /secrets/x",
		"GET /queue", "POST /queue/pause", "POST /queue/resume", "POST /queue/drain"} {
		method, path, _ := strings.Cut(route, " ")
		if a := b.do(method, "/api"+path, "", ""); a.status != http.StatusNotImplemented || !strings.Contains(decoded[Error](t, a).Message, "this server has no ") {
			t.Errorf("%s: %d", route, a.status)
		}
	}
}
