package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// value reads an optional field.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// maxPriority is how far a trigger may move an execution in the queue, both ways.
const maxPriority = 100

// TriggerPipeline serves POST /ci/pipelines/{id}/trigger.
func (h *handlers) TriggerPipeline(w http.ResponseWriter, r *http.Request, id Id) {
	var body TriggerRequest
	if err := readJSON(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	params, err := textsOf(body.Params)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	request := core.TriggerRequest{PipelineID: id, Environment: value(body.Environment), Params: params, Priority: value(body.Priority),
		Info: core.TriggerInfo{TriggeredBy: user(r.Context()), Type: core.TriggerType(value(body.TriggerType)), Branch: value(body.Branch),
			Tag: value(body.Tag), CommitHash: value(body.CommitHash), Repository: value(body.Repository), ChangedPaths: value(body.ChangedPaths)}}
	request.SecretEnvironment = value(body.SecretEnvironment)
	if request.Priority < -maxPriority || request.Priority > maxPriority {
		h.fail(w, r, core.Errorf(core.CodeInvalid, "priority is %d; it is between %d and %d", request.Priority, -maxPriority, maxPriority))
		return
	}
	execution, err := h.Trigger.Trigger(r.Context(), request)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.created(w, http.StatusAccepted, execution, "the pipeline will run")
}

// created answers with a new execution.
func (h *handlers) created(w http.ResponseWriter, status int, e *core.Execution, message string) {
	w.Header().Set("Location", "/api/ci/executions/"+e.ID)
	h.answer(w, status, Accepted{ExecutionId: e.ID, Message: message})
}

// RetryExecution serves POST /ci/executions/{id}/retry.
func (h *handlers) RetryExecution(w http.ResponseWriter, r *http.Request, id Id) {
	if h.Retry == nil {
		h.absent(w, r, "retries")
		return
	}
	var body RetryRequest
	if err := readJSON(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	params, err := textsOf(body.Params)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	request := core.RetryRequest{ExecutionID: id, Mode: core.RetryMode(value(body.Mode)), Stage: value(body.Stage), Step: value(body.Step),
		Params: params, Environment: value(body.Environment), By: user(r.Context())}
	if request.Mode == "" {
		request.Mode = core.RetryAll
	}
	if err := checkRetry(request); err != nil {
		h.fail(w, r, err)
		return
	}
	execution, err := h.Retry.Retry(r.Context(), request)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.created(w, http.StatusCreated, execution, "the execution will run again")
}

// checkRetry refuses what contradicts itself; the rest is the retrier's to know.
func checkRetry(request core.RetryRequest) error {
	switch request.Mode {
	case core.RetryAll, core.RetryFailed:
		if request.Step != "" || request.Stage != "" {
			return &core.Error{Code: core.CodeInvalid, Message: "a stage and a step are for the mode step only",
				Suggestions: []string{`send "mode": "step"`}}
		}
	case core.RetryStep:
		if request.Step == "" {
			return &core.Error{Code: core.CodeInvalid, Message: "the mode step needs a step", Suggestions: []string{"name the step, and its stage if the name is not unique"}}
		}
	default:
		return &core.Error{Code: core.CodeInvalid, Message: "there is no mode \"" + string(request.Mode) + "\"",
			Suggestions: []string{"use all, failed or step"}}
	}
	return nil
}

// maxComment is the longest comment of an approval.
const maxComment = 4096

// ApproveExecution serves POST /ci/executions/{id}/approve.
func (h *handlers) ApproveExecution(w http.ResponseWriter, r *http.Request, id Id) {
	if h.Approve == nil {
		h.absent(w, r, "approvals")
		return
	}
	var body ApproveRequest
	if err := readJSON(w, r, &body); err != nil {
		h.fail(w, r, err)
		return
	}
	decision := core.Decision{ExecutionID: id, Stage: value(body.Stage), Step: value(body.Step), Comment: value(body.Comment),
		Approved: body.Approved == nil || *body.Approved, By: user(r.Context())}
	if len(decision.Comment) > maxComment {
		h.fail(w, r, core.Errorf(core.CodeInvalid, "the comment has %d bytes; %d is the most", len(decision.Comment), maxComment))
		return
	}
	if err := h.Approve.Decide(r.Context(), decision); err != nil {
		h.fail(w, r, err)
		return
	}
	message := "approved"
	if !decision.Approved {
		message = "rejected"
	}
	h.answer(w, http.StatusOK, Accepted{ExecutionId: id, Message: message})
}
