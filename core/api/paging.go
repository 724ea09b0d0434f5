package api

import (
	"fmt"
	"net/http"
	"slices"
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

// pageOfAll returns the part of a list that is asked for, of one that is read as a whole
// because it is short by nature. After is the name of the last item already seen; when
// that is not there any more, the list has changed, and the error says so.
func pageOfAll[T any](w http.ResponseWriter, r *http.Request, limit *int, after *string, all []T, name func(T) string) ([]T, error) {
	page := core.Page{Limit: core.MaxPageLimit, After: value(after)}
	if limit != nil {
		page.Limit = *limit
	}
	if page.Limit < 1 || page.Limit > core.MaxPageLimit {
		return nil, core.Errorf(core.CodeInvalid, "limit is %d; it is between 1 and %d", page.Limit, core.MaxPageLimit)
	}
	if page.After != "" {
		at := slices.IndexFunc(all, func(item T) bool { return name(item) == page.After })
		if at < 0 {
			return nil, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("after is %.64q, which is not in the list", page.After),
				Suggestions: []string{"begin again, without after"}}
		}
		all = all[at+1:]
	}
	if len(all) > page.Limit {
		all = all[:page.Limit]
		linkNext(w, r, page, len(all), name(all[len(all)-1]))
	}
	return all, nil
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
