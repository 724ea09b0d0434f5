package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/patchbay-ci/patchbay/core"
)

// pageOf reads the parameters of a list.
func pageOf(limit *int, after *string) (core.Page, error) {
	page := core.Page{Limit: core.DefaultPageLimit, After: value(after)}
	if limit != nil {
		page.Limit = *limit
	}
	if page.Limit < 1 || page.Limit > core.MaxPageLimit {
		return page, core.Errorf(core.CodeInvalid, "limit is %d; it is between 1 and %d", page.Limit, core.MaxPageLimit)
	}
	return page, nil
}

// linkNext leads to the next page when this one is full (RFC 8288).
func linkNext(w http.ResponseWriter, r *http.Request, page core.Page, got int, last string) {
	if got == page.Limit {
		linkAfter(w, r, page, last)
	}
}

// linkAfter leads to what is behind an item, if it is not "".
func linkAfter(w http.ResponseWriter, r *http.Request, page core.Page, last string) {
	if last == "" {
		return
	}
	query := r.URL.Query()
	query.Set("limit", strconv.Itoa(page.Limit))
	query.Set("after", last)
	w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, query.Encode()))
}
