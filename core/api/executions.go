package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// CancelExecution serves DELETE /ci/executions/{id}/cancel.
func (h *handlers) CancelExecution(w http.ResponseWriter, r *http.Request, id Id) {
	if err := h.Engine.Cancel(r.Context(), id, user(r.Context())); err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, Accepted{ExecutionId: id, Message: "the execution will stop"})
}

// CancelExecutionByPost serves POST /ci/executions/{id}/cancel.
func (h *handlers) CancelExecutionByPost(w http.ResponseWriter, r *http.Request, id Id) {
	h.CancelExecution(w, r, id)
}

// ListExecutions serves GET /ci/executions.
func (h *handlers) ListExecutions(w http.ResponseWriter, r *http.Request, params ListExecutionsParams) {
	page, err := pageOf(params.Limit, params.After)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	filter := core.ExecutionFilter{PipelineID: value(params.PipelineId)}
	if params.Status != nil {
		status := core.Status(*params.Status)
		if !slices.Contains(core.Statuses(), status) {
			h.fail(w, r, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no status %q", status),
				Suggestions: []string{fmt.Sprintf("use one of %v", core.Statuses())}})
			return
		}
		filter.Statuses = []core.Status{status}
	}
	list, last, err := visible(identity(r.Context()), page, func(page core.Page) ([]*core.Execution, error) {
		filter.Page = page
		return h.Store.Executions(r.Context(), filter)
	}, func(e *core.Execution) string { return e.ID }, func(e *core.Execution) string { return e.PipelineID })
	if err != nil {
		h.fail(w, r, err)
		return
	}
	plans := planner{}
	body := make([]Execution, 0, len(list))
	for _, e := range list {
		view, err := h.view(r.Context(), e, plans)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		body = append(body, view)
	}
	linkAfter(w, r, page, last)
	h.answer(w, http.StatusOK, body)
}

// GetExecution serves GET /ci/executions/{id}.
func (h *handlers) GetExecution(w http.ResponseWriter, r *http.Request, id Id) {
	e, err := h.Store.Execution(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	view, err := h.view(r.Context(), e, planner{})
	if err == nil {
		err = h.addOutput(r.Context(), &view)
	}
	if err == nil && h.Artifacts != nil {
		err = h.addArtifacts(r.Context(), &view)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, view)
}
