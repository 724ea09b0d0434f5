package api

import (
	"net/http"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/contract"
	"github.com/patchbay-ci/patchbay/core/api/reference"
)

// lazyPage renders the reference when it is first asked for.
func lazyPage(c *contract.Contract, version string) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) { return reference.Page(c, version) })
}

// GetDocs serves GET /docs.
func (h *handlers) GetDocs(w http.ResponseWriter, r *http.Request, _ GetDocsParams) {
	page, err := h.docs()
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Security-Policy", reference.Policy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	serveFixed(w, r, "text/html; charset=utf-8", page)
}

// GetDocsAsset serves GET /docs/{asset}.
func (h *handlers) GetDocsAsset(w http.ResponseWriter, r *http.Request, asset string, _ GetDocsAssetParams) {
	content, kind, ok := reference.Asset(asset)
	if !ok {
		h.fail(w, r, core.NotFound("file", asset))
		return
	}
	serveFixed(w, r, kind, content)
}

// docsAlias leads from where people look for the reference to where it is.
func docsAlias(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimSuffix(r.URL.Path, "/") {
		case "/docs", "/api/docs":
			if r.URL.Path != "/api/docs" {
				http.Redirect(w, r, "/api/docs", http.StatusPermanentRedirect)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
