package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// readList reads a list with all its pages, as one array in JSON. page asks for what
// comes after an item, or for the beginning.
func (r *remote) readList(page func(after *string) (*http.Response, error)) ([]byte, error) {
	all := []json.RawMessage{}
	var after *string
	for {
		response, err := page(after)
		data, err := r.read(response, err)
		if err != nil {
			return nil, err
		}
		var items []json.RawMessage
		if err := json.Unmarshal(data, &items); err != nil {
			return nil, &exitError{exitFailed, fmt.Errorf("the server's answer cannot be read: %w", err)}
		}
		all = append(all, items...)
		next := nextAfter(response.Header.Get("Link"))
		if next == "" || after != nil && next == *after || len(items) == 0 {
			return json.Marshal(all)
		}
		after = &next
	}
}

// nextAfter is what the next page of a list begins after, by the header Link (RFC 8288)
// as our server writes it; empty when there is none.
func nextAfter(link string) string {
	target, relation, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !strings.Contains(relation, `rel="next"`) {
		return ""
	}
	address, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return address.Query().Get("after")
}
