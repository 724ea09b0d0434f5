package api

import (
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// pipelineETag is what a pipeline is known by: it changes with every change of it.
func pipelineETag(p *core.Pipeline) string {
	return strconv.Quote(strconv.FormatInt(p.Version, 10))
}

// matches reports whether an If-Match header (RFC 9110, 13.1.1) lets a change of what
// has this ETag happen. It is a strong comparison: a weak tag matches nothing.
func matches(ifMatch, etag string) bool {
	if ifMatch == "" || strings.TrimSpace(ifMatch) == "*" {
		return true
	}
	for candidate := range strings.SplitSeq(ifMatch, ",") {
		if strings.TrimSpace(candidate) == etag {
			return true
		}
	}
	return false
}
