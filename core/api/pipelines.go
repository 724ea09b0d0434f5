package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// ListPipelines serves GET /ci/pipelines.
func (h *handlers) ListPipelines(w http.ResponseWriter, r *http.Request, params ListPipelinesParams) {
	page, err := pageOf(params.Limit, params.After)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	pipelineID := func(p *core.Pipeline) string { return p.ID }
	list, last, err := visible(identity(r.Context()), page, func(page core.Page) ([]*core.Pipeline, error) {
		return h.Store.Pipelines(r.Context(), page)
	}, pipelineID, pipelineID)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Pipeline, 0, len(list))
	for _, p := range list {
		body = append(body, pipelineView(p, nil))
	}
	linkAfter(w, r, page, last)
	h.answer(w, http.StatusOK, body)
}

// CreatePipeline serves POST /ci/pipelines.
func (h *handlers) CreatePipeline(w http.ResponseWriter, r *http.Request) {
	source, err := readSource(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.create(w, r, "", source)
}

// UploadPipeline serves POST /ci/pipelines/upload.
func (h *handlers) UploadPipeline(w http.ResponseWriter, r *http.Request) {
	name, source, err := readUpload(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.create(w, r, name, source)
}

func (h *handlers) create(w http.ResponseWriter, r *http.Request, file string, source []byte) {
	giveBack, err := h.room.take(r.Context(), source)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer giveBack()
	spec, warnings, err := h.parse(file, source)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	id, err := uuid.NewV7()
	if err != nil {
		h.fail(w, r, err)
		return
	}
	now := time.Now().UTC()
	p := &core.Pipeline{ID: id.String(), Name: spec.Name, Description: spec.Description, Revision: 1, CreatedAt: now, UpdatedAt: now}
	first := &core.PipelineRevision{PipelineID: p.ID, Number: 1, YAML: string(source), Spec: spec, CreatedAt: now}
	if err := h.Store.CreatePipeline(r.Context(), p, first); err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/api/ci/pipelines/"+p.ID)
	h.answerPipeline(w, http.StatusCreated, p, warnings)
}

// parse takes exactly one pipeline without errors.
func (h *handlers) parse(file string, source []byte) (*core.Spec, []core.Diagnostic, error) {
	specs, found := h.Parser.Parse(file, source)
	if core.HasErrors(found) {
		e := &core.Error{Code: core.CodeInvalid, Message: "the pipeline is not valid", Diagnostics: found}
		for _, d := range found {
			if d.Severity == core.SeverityError {
				e.Details += d.String() + "\n"
				if d.Suggestion != "" {
					e.Suggestions = append(e.Suggestions, d.Suggestion)
				}
			}
		}
		return nil, nil, e
	}
	if len(specs) != 1 {
		return nil, nil, &core.Error{Code: core.CodeInvalid, Message: "a request has one pipeline", Details: "the YAML has several documents",
			Suggestions: []string{"send each document by itself"}}
	}
	return specs[0], found, nil
}

// GetPipeline serves GET /ci/pipelines/{id}.
func (h *handlers) GetPipeline(w http.ResponseWriter, r *http.Request, id Id) {
	p, err := h.Store.Pipeline(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answerPipeline(w, http.StatusOK, p, nil)
}

// UpdatePipeline serves PUT /ci/pipelines/{id}.
func (h *handlers) UpdatePipeline(w http.ResponseWriter, r *http.Request, id Id, params UpdatePipelineParams) {
	source, err := readSource(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.update(w, r, id, value(params.IfMatch), source)
}

// update stores a text as the next revision of a pipeline, if that is still as the
// client knows it.
func (h *handlers) update(w http.ResponseWriter, r *http.Request, id, ifMatch string, source []byte) {
	giveBack, err := h.room.take(r.Context(), source)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer giveBack()
	spec, warnings, err := h.parse("", source)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p, err := h.Store.Pipeline(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !matches(ifMatch, pipelineETag(p)) {
		w.Header().Set("ETag", pipelineETag(p))
		h.failWith(w, r, http.StatusPreconditionFailed, core.Conflict("pipeline", id))
		return
	}
	now := time.Now().UTC()
	p.Name, p.Description, p.UpdatedAt = spec.Name, spec.Description, now
	p.Revision++
	next := &core.PipelineRevision{PipelineID: p.ID, Number: p.Revision, YAML: string(source), Spec: spec, CreatedAt: now}
	if err := h.Store.UpdatePipeline(r.Context(), p, next); err != nil {
		h.fail(w, r, err)
		return
	}
	h.answerPipeline(w, http.StatusOK, p, warnings)
}

// answerPipeline answers with a pipeline and what it is known by.
func (h *handlers) answerPipeline(w http.ResponseWriter, status int, p *core.Pipeline, warnings []core.Diagnostic) {
	w.Header().Set("ETag", pipelineETag(p))
	h.answer(w, status, pipelineView(p, warnings))
}

// DeletePipeline serves DELETE /ci/pipelines/{id}.
func (h *handlers) DeletePipeline(w http.ResponseWriter, r *http.Request, id Id) {
	if err := h.Store.DeletePipeline(r.Context(), id); err != nil {
		h.fail(w, r, err)
		return
	}
	h.forgetSecrets(r.Context(), id)
	w.WriteHeader(http.StatusNoContent)
}

// forgetSecrets removes the secrets of a pipeline that is gone: nobody could see or
// delete them any more.
func (h *handlers) forgetSecrets(ctx context.Context, pipelineID string) {
	if h.Secrets == nil {
		return
	}
	list, err := h.Secrets.ListSecrets(ctx, pipelineID)
	for _, s := range list {
		err = errors.Join(err, h.Secrets.DeleteSecret(ctx, pipelineID, s.Name))
	}
	if err != nil {
		h.log(ctx).Error("the secrets of a deleted pipeline could not be removed", "pipeline", pipelineID, "error", err)
	}
}

func pipelineView(p *core.Pipeline, warnings []core.Diagnostic) Pipeline {
	view := Pipeline{Id: p.ID, Name: p.Name, Description: p.Description, Revision: p.Revision, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	if len(warnings) > 0 {
		view.Warnings = diagnostics(warnings)
	}
	return view
}
