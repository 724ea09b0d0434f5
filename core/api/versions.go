package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/patchbay-ci/patchbay/core"
)

// GetPipelineYaml serves GET /ci/pipelines/{id}/yaml.
func (h *handlers) GetPipelineYaml(w http.ResponseWriter, r *http.Request, id Id, _ GetPipelineYamlParams) {
	p, err := h.Store.Pipeline(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	revision, err := h.Store.Revision(r.Context(), id, p.Revision)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if notModified(w, r, revisionETag(revision)) {
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(revision.YAML))
}

// ListVersions serves GET /ci/pipelines/{id}/versions.
func (h *handlers) ListVersions(w http.ResponseWriter, r *http.Request, id Id, params ListVersionsParams) {
	if _, err := h.Store.Pipeline(r.Context(), id); err != nil {
		h.fail(w, r, err)
		return
	}
	list, err := h.Store.Revisions(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if list, err = pageOfAll(w, r, params.Limit, params.After, list, func(r *core.PipelineRevision) string { return strconv.Itoa(r.Number) }); err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Version, 0, len(list))
	for _, revision := range list {
		body = append(body, Version{Number: revision.Number, CreatedAt: revision.CreatedAt})
	}
	h.answer(w, http.StatusOK, body)
}

// GetVersion serves GET /ci/pipelines/{id}/versions/{number}.
func (h *handlers) GetVersion(w http.ResponseWriter, r *http.Request, id Id, number Number, _ GetVersionParams) {
	revision, err := h.Store.Revision(r.Context(), id, number)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if notModified(w, r, revisionETag(revision)) {
		return
	}
	h.answer(w, http.StatusOK, Version{Number: revision.Number, CreatedAt: revision.CreatedAt, YamlContent: &revision.YAML})
}

// maxDiffLines bounds the time that a comparison takes: a few microseconds a line.
const maxDiffLines = 200_000

// DiffVersion serves GET /ci/pipelines/{id}/versions/{number}/diff.
func (h *handlers) DiffVersion(w http.ResponseWriter, r *http.Request, id Id, number Number, params DiffVersionParams) {
	from, err := h.Store.Revision(r.Context(), id, number)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	last := value(params.To)
	if params.To == nil {
		p, err := h.Store.Pipeline(r.Context(), id)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		last = p.Revision
	}
	to, err := h.Store.Revision(r.Context(), id, last)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if lines := strings.Count(from.YAML, "\n") + strings.Count(to.YAML, "\n"); lines > maxDiffLines {
		h.fail(w, r, &core.Error{Code: core.CodeTooLarge, Message: fmt.Sprintf("the two texts have %d lines; %d are the most that are compared", lines, maxDiffLines),
			Suggestions: []string{"GET …/versions/{number} has each of them"}})
		return
	}
	diff, err := udiff.ToUnified(revisionLabel(from), revisionLabel(to), from.YAML, udiff.Lines(from.YAML, to.YAML), udiff.DefaultContextLines)
	if err != nil {
		h.fail(w, r, fmt.Errorf("compare revisions %d and %d: %w", number, last, err))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(diff))
}

func revisionLabel(r *core.PipelineRevision) string {
	return fmt.Sprintf("revision %d\t%s", r.Number, r.CreatedAt.UTC().Format(time.RFC3339))
}

// RestoreVersion serves POST /ci/pipelines/{id}/versions/{number}/restore. The old text
// is checked like a new one: a connector that it needs may be gone.
func (h *handlers) RestoreVersion(w http.ResponseWriter, r *http.Request, id Id, number Number, params RestoreVersionParams) {
	revision, err := h.Store.Revision(r.Context(), id, number)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	content := []byte(strconv.Itoa(number) + "\x00" + value(params.IfMatch))
	h.once(w, r, params.IdempotencyKey, keyed{content: content}, func(w http.ResponseWriter, _ string) {
		h.update(w, r, id, value(params.IfMatch), []byte(revision.YAML))
	})
}
