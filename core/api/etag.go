package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// pipelineETag is what a pipeline is known by: it changes with every change of it.
func pipelineETag(p *core.Pipeline) string {
	return strconv.Quote(strconv.FormatInt(p.Version, 10))
}

// revisionETag is what a revision is known by, whose text never changes.
func revisionETag(r *core.PipelineRevision) string {
	return fmt.Sprintf(`"%s-%d"`, r.PipelineID, r.Number)
}

// notModified sets the ETag of an answer and, when that is what the client has already
// (If-None-Match, RFC 9110, 13.1.2), answers so.
func notModified(w http.ResponseWriter, r *http.Request, etag string) bool {
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "private, no-cache")
	had := strings.Join(r.Header.Values("If-None-Match"), ",")
	if had == "" || strings.TrimSpace(had) != "*" && !lists(had, etag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// lists reports whether a list of ETags has one, by the weak comparison.
func lists(list, etag string) bool {
	for candidate := range strings.SplitSeq(list, ",") {
		if plainETag(strings.TrimPrefix(strings.TrimSpace(candidate), "W/")) == etag {
			return true
		}
	}
	return false
}

// plainETag is that of the content itself, whatever it was compressed with.
func plainETag(etag string) string {
	for _, suffix := range []string{"-gzip\"", "-zstd\""} {
		if plain, is := strings.CutSuffix(etag, suffix); is {
			return plain + "\""
		}
	}
	return etag
}

// matches reports whether an If-Match header (RFC 9110, 13.1.1) lets a change of what
// has this ETag happen. It is a strong comparison: a weak tag matches nothing.
func matches(ifMatch, etag string) bool {
	if ifMatch == "" || strings.TrimSpace(ifMatch) == "*" {
		return true
	}
	for candidate := range strings.SplitSeq(ifMatch, ",") {
		if plainETag(strings.TrimSpace(candidate)) == etag {
			return true
		}
	}
	return false
}
