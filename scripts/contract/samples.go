package main

import (
	"fmt"
	"strings"
)

// words are what properties and parameters of a name usually have.
var words = map[string]any{
	"name": "build", "display_name": "Ann Lee", "email": "ann@example.com", "description": "Builds and tests", "message": "done",
	"summary": "Runs commands", "branch": "main", "tag": "v1.2.0", "commit_hash": "9fceb02d0ae598e95dc970b74767f19372d61af8",
	"repository": "https://example.com/app.git", "triggered_by": "ann", "pipeline_name": "app", "stage": "test", "step": "unit",
	"connector": "shell", "command": "make test", "stdout": "ok\n", "stderr": "", "text": "ok\n", "path": "bin/app",
	"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "mode": "0644", "version": "1.0.0",
	"cron_expression": "0 3 * * *", "timezone": "Europe/Berlin", "reason": "", "yaml_content": "name: app\nstages:\n  - name: test\n    steps:\n      - name: unit\n        run: make test\n",
	"suggestion": "did you mean stages?", "file": "app.yaml", "excerpt": "stagess:", "timeout": 60, "duration": 12.5, "number": 7,
	"revision": 3, "size": 1048576, "file_count": 2, "attempts": 1, "attempt": 1, "index": 0, "exit_code": 0, "line": 4, "column": 1, "offset": 0,
	"user_agent": "curl/8.5.0", "address": "192.0.2.7", "by": "ann", "updated_by": "ann", "who": "ann", "value": "s3cret", "provider": "github",
	"subject": "583231", "login": "ann", "total": 8, "running": 1, "waiting": 2, "slots": 4, "method": "token", "comment": "looks good",
}

// id is that of everything in examples.
const id = "0198c2d4-6f10-7c3a-9b1e-5d2f8a7c4e60"

// moment is the time in examples.
const moment = "2026-01-05T10:00:00Z"

// sampler makes examples of schemas.
type sampler struct{ schemas map[string]any }

// maxSample bounds how deep an example goes.
const maxSample = 12

// of returns an example of a schema that is called name where it is used; what the
// schema has for one goes first.
func (s sampler) of(schema map[string]any, name string, depth int) any {
	if reference, is := schema["$ref"].(string); is {
		target, _ := s.schemas[reference[strings.LastIndex(reference, "/")+1:]].(map[string]any)
		return s.of(target, name, depth)
	}
	if example, is := schema["example"]; is {
		return example
	}
	for _, keyword := range []string{"examples", "enum", "oneOf"} {
		list, is := schema[keyword].([]any)
		if !is || len(list) == 0 {
			continue
		}
		if keyword == "oneOf" {
			one, _ := list[0].(map[string]any)
			return s.of(one, name, depth)
		}
		return list[0]
	}
	kind, _ := schema["type"].(string)
	if list, is := schema["type"].([]any); is {
		kind = fmt.Sprint(list[0])
	}
	switch kind {
	case "object":
		return s.object(schema, depth)
	case "array":
		items, _ := schema["items"].(map[string]any)
		if items == nil || depth >= maxSample {
			return []any{}
		}
		return []any{s.of(items, strings.TrimSuffix(name, "s"), depth+1)}
	}
	return scalar(schema, kind, name)
}

func (s sampler) object(schema map[string]any, depth int) any {
	out := map[string]any{}
	if depth >= maxSample {
		return out
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		if property, is := property.(map[string]any); is {
			out[name] = s.of(property, name, depth+1)
		}
	}
	if more, is := schema["additionalProperties"].(map[string]any); is && len(properties) == 0 {
		out["KEY"] = s.of(more, "KEY", depth+1)
	}
	return out
}

// scalar is an example of what is no object and no list.
func scalar(schema map[string]any, kind, name string) any {
	if value, is := schema["default"]; is {
		return value
	}
	known, is := words[name]
	switch kind {
	case "boolean":
		return false
	case "integer", "number":
		switch known.(type) {
		case int, float64:
			if _, whole := known.(int); whole || kind == "number" {
				return known
			}
		}
		if least, is := schema["minimum"].(int); is && least > 0 {
			return least
		}
		return 1
	}
	switch {
	case schema["format"] == "date-time":
		return moment
	case name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_of"):
		return id
	case is:
		if text, is := known.(string); is {
			return text
		}
	}
	return "text"
}

// exemplify adds an example to each body in JSON that has none.
func exemplify(document map[string]any) {
	components, _ := document["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	s := sampler{schemas}
	paths, _ := document["paths"].(map[string]any)
	s.walk(paths)
}

func (s sampler) walk(node any) {
	switch node := node.(type) {
	case map[string]any:
		if content, is := node["content"].(map[string]any); is {
			s.media(content)
		}
		for _, child := range node {
			s.walk(child)
		}
	case []any:
		for _, child := range node {
			s.walk(child)
		}
	}
}

func (s sampler) media(content map[string]any) {
	media, _ := content["application/json"].(map[string]any)
	schema, _ := media["schema"].(map[string]any)
	if schema == nil {
		return
	}
	if _, has := media["example"]; !has && (schema["$ref"] != nil || schema["items"] != nil || schema["properties"] != nil) {
		media["example"] = s.of(schema, "", 0)
	}
}
