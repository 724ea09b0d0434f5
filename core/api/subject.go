package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/patchbay-ci/patchbay/core"
)

// subject is what a request is about.
type subject struct {
	// noun and id are what the client calls it.
	noun, id string
	// pipelineID is the pipeline that it belongs to; empty for what belongs to none.
	pipelineID string
}

// subjectsByPath finds the pipeline behind all routes below a path.
var subjectsByPath = []struct {
	path string
	find func(h *handlers, r *http.Request, id string) (subject, error)
}{
	{"/api/ci/pipelines/{id}", func(_ *handlers, _ *http.Request, id string) (subject, error) {
		return subject{"pipeline", id, id}, nil
	}},
	{"/api/ci/executions/{id}", func(h *handlers, r *http.Request, id string) (subject, error) {
		e, err := h.Store.Execution(r.Context(), id)
		if err != nil {
			return subject{}, err
		}
		return subject{"execution", id, e.PipelineID}, nil
	}},
	{"/api/ci/services/{id}", func(h *handlers, r *http.Request, id string) (subject, error) {
		if h.Services == nil {
			return subject{}, nil // the handler says so
		}
		s, err := h.Services.Service(r.Context(), id)
		if err != nil {
			return subject{}, err
		}
		return subject{"service", id, pipelineOf(s)}, nil
	}},
	{"/api/ci/artifacts/{id}", func(h *handlers, r *http.Request, id string) (subject, error) {
		if h.Artifacts == nil {
			return subject{}, nil // the handler says so
		}
		a, err := h.Artifacts.Artifact(r.Context(), id)
		if err != nil {
			return subject{}, err
		}
		return subject{"artifact", id, a.PipelineID}, nil
	}},
}

// subjectsByQuery are the operations that are about the pipeline in their query. It is
// no others': a pipeline in the query of what is of no pipeline would change who may do
// it.
var subjectsByQuery = []string{"listSecrets", "setSecret", "deleteSecret"}

// subjectOf finds out what a request is about, before it is known whether its sender
// may know that. It returns NotFound for what is not there.
func (h *handlers) subjectOf(r *http.Request, operation string) (subject, error) {
	template := templateOf(r)
	for _, s := range subjectsByPath {
		if template == s.path || strings.HasPrefix(template, s.path+"/") {
			return s.find(h, r, mux.Vars(r)["id"])
		}
	}
	if !slices.Contains(subjectsByQuery, operation) {
		return subject{}, nil
	}
	given := r.URL.Query()["pipeline_id"]
	switch len(given) {
	case 0:
		return subject{}, nil
	case 1:
		return subject{"pipeline", given[0], given[0]}, nil
	default: // which of them is meant must not be a matter of who reads it
		return subject{}, core.Errorf(core.CodeInvalid, "pipeline_id is there %d times; it may be once", len(given))
	}
}

// hidden is the error for what somebody may not even know of: the same as for what is
// not there.
func (s subject) hidden() error { return core.NotFound(s.noun, s.id) }

// target is what the audit log calls what a request is about.
func targetOf(r *http.Request) string {
	vars := mux.Vars(r)
	for _, name := range []string{"id", "name", "user", "provider"} {
		if value := vars[name]; value != "" {
			return fmt.Sprintf("%.200s", value)
		}
	}
	return ""
}
