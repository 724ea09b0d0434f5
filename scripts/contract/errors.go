package main

import (
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var methods = []string{"get", "put", "post", "delete", "patch"}

// answers are the components that describe an error, by its status.
var answers = map[string]string{
	"400": "Invalid", "401": "Unauthenticated", "403": "Forbidden", "404": "NotFound", "409": "Conflict",
	"412": "PreconditionFailed", "413": "TooLarge", "415": "UnsupportedMedia", "422": "KeyReused",
	"429": "TooMany", "500": "Internal", "503": "Unavailable", "504": "Timeout",
}

// missing lists the errors that an operation can answer, and does not say, in order.
func missing(item, operation, responses *yaml.Node) []string {
	want := []string{"400", "429", "500", "503", "504"}
	if security := value(operation, "security"); security == nil || len(security.Content) > 0 {
		want = append(want, "401", "403")
	}
	if value(operation, "requestBody") != nil {
		want = append(want, "413", "415")
	}
	for _, parameters := range []*yaml.Node{value(item, "parameters"), value(operation, "parameters")} {
		for _, parameter := range elements(parameters) {
			want = append(want, ofParameter(parameter)...)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	return slices.DeleteFunc(want, func(status string) bool { return value(responses, status) != nil })
}

// ofParameter lists the errors that a parameter brings with it.
func ofParameter(parameter *yaml.Node) []string {
	name := text(value(parameter, "name"))
	if reference := text(value(parameter, "$ref")); reference != "" {
		name = reference[strings.LastIndex(reference, "/")+1:]
	}
	switch {
	case name == "idempotencyKey":
		return []string{"409", "422"}
	case name == "ifMatch":
		return []string{"409", "412"}
	case text(value(parameter, "in")) == "path", slices.Contains(inPath, name):
		return []string{"404"}
	}
	return nil
}

// inPath are the shared parameters that name something: most are parts of a path.
var inPath = []string{"id", "number", "provider", "userName", "ofUser", "deliveryId"}

func text(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}

func elements(node *yaml.Node) []*yaml.Node {
	if node == nil {
		return nil
	}
	return node.Content
}

// pairs are the keys and values of a mapping, as they are written.
func pairs(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		list := elements(node)
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(list[i].Value, list[i+1]) {
				return
			}
		}
	}
}

func value(node *yaml.Node, name string) *yaml.Node {
	for k, v := range pairs(node) {
		if k == name {
			return v
		}
	}
	return nil
}

func key(node *yaml.Node, name string) *yaml.Node {
	for _, k := range elements(node) {
		if k.Value == name && k.Kind == yaml.ScalarNode {
			return k
		}
	}
	return nil
}
