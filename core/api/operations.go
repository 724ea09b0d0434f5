package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/gorilla/mux"
)

// operations has the operationId of each route of the contract, by its method and its
// path.
func operations(contractJSON []byte) (map[string]string, error) {
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(contractJSON, &document); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	known := map[string]string{}
	for path, item := range document.Paths {
		for method, text := range item {
			var operation struct {
				ID string `json:"operationId"`
			}
			if method == "parameters" {
				continue // a list, for all methods
			}
			if err := json.Unmarshal(text, &operation); err != nil {
				return nil, fmt.Errorf("read the contract: %s %s: %w", method, path, err)
			}
			known[strings.ToUpper(method)+" "+path] = operation.ID
		}
	}
	return known, nil
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
