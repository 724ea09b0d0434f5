package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// TriggerPipeline serves POST /ci/pipelines/{id}/trigger.
func (h *handlers) TriggerPipeline(w http.ResponseWriter, r *http.Request, id Id) {
	var body TriggerRequest
	if err := readJSON(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	request := core.TriggerRequest{PipelineID: id, Info: core.TriggerInfo{TriggeredBy: user(r.Context()),
		Branch: value(body.Branch), Tag: value(body.Tag), CommitHash: value(body.CommitHash), Repository: value(body.Repository)}}
	if body.TriggerType != nil {
		request.Info.Type = core.TriggerType(*body.TriggerType)
	}
	if body.Environment != nil {
		request.Environment = *body.Environment
	}
	execution, err := h.Trigger.Trigger(r.Context(), request)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/api/ci/executions/"+execution.ID)
	h.answer(w, http.StatusAccepted, Accepted{ExecutionId: execution.ID, Message: "the pipeline will run"})
}

// value reads an optional field.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

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
	filter := core.ExecutionFilter{PipelineID: value(params.PipelineId), Page: page}
	if params.Status != nil {
		status := core.Status(*params.Status)
		if !slices.Contains(core.Statuses(), status) {
			h.fail(w, r, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no status %q", status),
				Suggestions: []string{fmt.Sprintf("use one of %v", core.Statuses())}})
			return
		}
		filter.Statuses = []core.Status{status}
	}
	list, err := h.Store.Executions(r.Context(), filter)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	specs := map[revisionKey]*core.Spec{}
	body := make([]Execution, 0, len(list))
	for _, e := range list {
		view, err := h.view(r.Context(), e, specs)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		body = append(body, view)
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, body)
}

// GetExecution serves GET /ci/executions/{id}.
func (h *handlers) GetExecution(w http.ResponseWriter, r *http.Request, id Id) {
	e, err := h.Store.Execution(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	view, err := h.view(r.Context(), e, map[revisionKey]*core.Spec{})
	if err == nil {
		err = h.addOutput(r.Context(), &view)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, view)
}

// revisionKey names a text of a pipeline.
type revisionKey struct {
	pipeline string
	number   int
}

// spec returns what an execution runs, remembered over one request. It is empty when
// the pipeline was deleted in the moment of the trigger: such an execution has failed,
// and must not take the others of a list with it.
func (h *handlers) spec(ctx context.Context, e *core.Execution, known map[revisionKey]*core.Spec) (*core.Spec, error) {
	key := revisionKey{e.PipelineID, e.Revision}
	if spec, found := known[key]; found {
		return spec, nil
	}
	revision, err := h.Store.Revision(ctx, e.PipelineID, e.Revision)
	if core.CodeOf(err) == core.CodeNotFound {
		revision, err = &core.PipelineRevision{Spec: &core.Spec{}}, nil
	}
	if err != nil {
		return nil, err
	}
	known[key] = revision.Spec
	return revision.Spec, nil
}

// view shows an execution with all its steps, also those that nothing is stored of.
func (h *handlers) view(ctx context.Context, e *core.Execution, known map[revisionKey]*core.Spec) (Execution, error) {
	spec, err := h.spec(ctx, e, known)
	if err != nil {
		return Execution{}, err
	}
	stored, err := h.Store.StepRuns(ctx, e.ID)
	if err != nil {
		return Execution{}, err
	}
	return executionView(e, spec, stored), nil
}
