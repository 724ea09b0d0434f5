package api

import (
	"net/http"
	"regexp"

	"github.com/gorilla/mux"

	"github.com/patchbay-ci/patchbay/core/api/contract"
)

// operations has the operationId of each route of the contract, by its method and its
// path.
func operations(c *contract.Contract) map[string]string {
	known := make(map[string]string, len(c.Operations))
	for _, o := range c.Operations {
		known[o.Method+" "+o.Path] = o.ID
	}
	return known
}

// parameterPattern is what a route's template may have behind a parameter's name.
var parameterPattern = regexp.MustCompile(`\{(\w+):[^{}]*\}`)

// templateOf is the path of the route that the router has chosen, as in the contract.
func templateOf(r *http.Request) string {
	route := mux.CurrentRoute(r)
	if route == nil {
		return ""
	}
	template, err := route.GetPathTemplate()
	if err != nil {
		return ""
	}
	return parameterPattern.ReplaceAllString(template, "{$1}")
}
