package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// ListSchedules serves GET /ci/schedules.
func (h *handlers) ListSchedules(w http.ResponseWriter, r *http.Request) {
	if h.Schedules == nil {
		h.absent(w, r, "schedules")
		return
	}
	list, err := h.Schedules(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Schedule, 0, len(list))
	for _, s := range visibleOf(identity(r.Context()), list, func(s core.ScheduleState) string { return s.PipelineID }) {
		body = append(body, Schedule{PipelineId: s.PipelineID, PipelineName: s.PipelineName, CronExpression: s.CronExpression,
			Timezone: some(s.TimeZone), Next: s.Next, Last: s.Last})
	}
	h.answer(w, http.StatusOK, body)
}
