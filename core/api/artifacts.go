package api

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"

	"github.com/patchbay-ci/patchbay/core"
)

// ListArtifacts serves GET /ci/executions/{id}/artifacts.
func (h *handlers) ListArtifacts(w http.ResponseWriter, r *http.Request, id Id) {
	if h.Artifacts == nil {
		h.absent(w, r, "artifacts")
		return
	}
	if _, err := h.Store.Execution(r.Context(), id); err != nil {
		h.fail(w, r, err)
		return
	}
	list, err := h.artifactsOf(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, list)
}

// addArtifacts adds what an execution has left.
func (h *handlers) addArtifacts(ctx context.Context, view *Execution) error {
	list, err := h.artifactsOf(ctx, view.Id)
	view.Artifacts = &list
	return err
}

func (h *handlers) artifactsOf(ctx context.Context, executionID string) ([]Artifact, error) {
	list, err := h.Artifacts.Artifacts(ctx, executionID)
	views := make([]Artifact, 0, len(list))
	for _, a := range list {
		views = append(views, artifactView(a))
	}
	return views, err
}

func artifactView(a *core.Artifact) Artifact {
	return Artifact{Id: a.ID, ExecutionId: a.ExecutionID, PipelineId: a.PipelineID, Name: a.Name, Stage: some(a.Stage), Step: some(a.Step),
		Size: a.Size, FileCount: len(a.Files), CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt}
}

// GetArtifact serves GET /ci/artifacts/{id}.
func (h *handlers) GetArtifact(w http.ResponseWriter, r *http.Request, id Id) {
	a, ok := h.artifact(w, r, id)
	if !ok {
		return
	}
	view, files := artifactView(a), make([]ArtifactFile, 0, len(a.Files))
	for _, f := range a.Files {
		mode := fmt.Sprintf("%04o", f.Mode&0o7777)
		files = append(files, ArtifactFile{Path: f.Path, Size: f.Size, Mode: &mode, Sha256: f.SHA256})
	}
	view.Files = &files
	h.answer(w, http.StatusOK, view)
}

// artifact returns what users may have of the artifacts: what the engine keeps for
// itself does not exist for them. It has answered when it is not ok.
func (h *handlers) artifact(w http.ResponseWriter, r *http.Request, id string) (*core.Artifact, bool) {
	if h.Artifacts == nil {
		h.absent(w, r, "artifacts")
		return nil, false
	}
	a, err := h.Artifacts.Artifact(r.Context(), id)
	if err == nil && a.Kind != core.ArtifactFiles {
		err = core.NotFound("artifact", id)
	}
	if err != nil {
		h.fail(w, r, err)
		return nil, false
	}
	return a, true
}

// GetArtifactFile serves GET /ci/artifacts/{id}/files/{path}.
func (h *handlers) GetArtifactFile(w http.ResponseWriter, r *http.Request, id Id, name string) {
	a, ok := h.artifact(w, r, id)
	if !ok {
		return
	}
	content, file, err := h.Artifacts.OpenFile(r.Context(), a, name)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer content.Close()
	download(w, path.Base(file.Path), "application/octet-stream")
	w.Header().Set("ETag", strconv.Quote(file.SHA256))
	w.Header().Set("Cache-Control", "private, no-cache")
	http.ServeContent(newDownload(w), r, "", a.CreatedAt, content)
}

// GetArtifactArchive serves GET /ci/artifacts/{id}/archive. It is made while it is sent.
func (h *handlers) GetArtifactArchive(w http.ResponseWriter, r *http.Request, id Id) {
	a, ok := h.artifact(w, r, id)
	if !ok {
		return
	}
	download(w, a.Name+".zip", "application/zip")
	out := newDownload(w)
	err := h.Artifacts.WriteArchive(r.Context(), a, out)
	switch {
	case err == nil:
	case !out.begun:
		w.Header().Del("Content-Disposition")
		h.fail(w, r, err)
	case r.Context().Err() == nil:
		h.log(r.Context()).Error("an archive could not be sent", "artifact", a.ID, "error", err)
		panic(http.ErrAbortHandler) // too late for a status: the client must see that it is not whole
	}
}

// download sets the headers of content that anybody may have made: it is saved, and
// never shown or run as a part of this site.
func download(w http.ResponseWriter, name, kind string) {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	w.Header().Set("Content-Disposition", disposition)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
}
