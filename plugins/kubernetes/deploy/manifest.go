package deploy

import (
	"bytes"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Bounds of what one step applies.
const (
	maxManifest  = 32 << 20 // bytes, all files together
	maxDocuments = 10_000
)

// document is one object of a manifest.
type document struct {
	object *unstructured.Unstructured
	// source is where it was found, for people: "deploy/app.yaml:12".
	source string
}

// parse reads YAML or JSON with one or several documents; lists become their items.
// Empty documents do not count. source names the file in messages and may be empty.
func parse(data []byte, source string) ([]document, error) {
	if source == "" {
		source = "manifest"
	}
	var documents []document
	for _, part := range split(data) {
		place := fmt.Sprintf("%s:%d", source, part.line)
		text, err := yaml.YAMLToJSONStrict(part.text)
		if err != nil {
			return nil, unreadable(place, "%s", part.explain(err))
		}
		var content any
		if err := json.Unmarshal(text, &content); err != nil {
			return nil, unreadable(place, "%v", err)
		}
		if content == nil {
			continue
		}
		fields, isObject := content.(map[string]any)
		if !isObject {
			return nil, unreadable(place, "there is no object, but %.40q", string(text))
		}
		found, err := items(&unstructured.Unstructured{Object: fields}, place)
		if err != nil {
			return nil, err
		}
		if documents = append(documents, found...); len(documents) > maxDocuments {
			return nil, unreadable(place, "there are more than %d objects", maxDocuments)
		}
	}
	return documents, nil
}

// items returns the object, or what is in it when it is a list.
func items(object *unstructured.Unstructured, place string) ([]document, error) {
	if list, isList := object.Object["items"].([]any); isList && strings.HasSuffix(object.GetKind(), "List") {
		var all []document
		for i, item := range list {
			fields, isObject := item.(map[string]any)
			if !isObject {
				return nil, unreadable(place, "item %d of the list is no object", i+1)
			}
			within, err := items(&unstructured.Unstructured{Object: fields}, fmt.Sprintf("%s, item %d", place, i+1))
			if err != nil {
				return nil, err
			}
			all = append(all, within...)
		}
		return all, nil
	}
	metadata, _ := object.Object["metadata"].(map[string]any)
	switch {
	case object.GetAPIVersion() == "":
		return nil, unreadable(place, "apiVersion is missing")
	case object.GetKind() == "":
		return nil, unreadable(place, "kind is missing")
	case object.GetName() == "" && metadata["generateName"] != nil:
		return nil, unreadable(place, "%s has generateName; what is applied needs a name, or each run would make one more", object.GetKind())
	case object.GetName() == "":
		return nil, unreadable(place, "%s has no metadata.name", object.GetKind())
	}
	for _, key := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"} {
		delete(metadata, key) // of a manifest that was read from a cluster
	}
	return []document{{object: object, source: place}}, nil
}

func unreadable(place, format string, args ...any) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/manifest", Message: place + ": " + fmt.Sprintf(format, args...)}
}

// part is one document of a stream, the line in which its text begins and the first
// that is not blank, both from 1.
type part struct {
	text        []byte
	begin, line int
}

// explain says what is wrong with the text, counting lines from the file's beginning.
func (p part) explain(err error) string {
	whole := append(bytes.Repeat([]byte("\n"), p.begin-1), p.text...)
	if _, again := yaml.YAMLToJSONStrict(whole); again != nil {
		err = again
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
}

// split divides a YAML stream at its document markers (YAML 1.2.2, section 9.1).
// Content of a block scalar is indented, so a marker in the first column is one.
func split(data []byte) []part {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var parts []part
	current := part{begin: 1}
	add := func() {
		if len(bytes.TrimSpace(current.text)) > 0 {
			skipped := len(current.text) - len(bytes.TrimLeft(current.text, " \t\r\n"))
			current.line = current.begin + bytes.Count(current.text[:skipped], []byte("\n"))
			parts = append(parts, current)
		}
	}
	line := 0
	for text := range bytes.Lines(data) {
		line++
		bare := bytes.TrimRight(text, " \t\r\n")
		marks := bytes.HasPrefix(text, []byte("---")) && (len(bare) == 3 || text[3] == ' ' || text[3] == '\t')
		if !marks && string(bare) != "..." {
			current.text = append(current.text, text...)
			continue
		}
		add()
		current = part{begin: line + 1}
		if len(bare) > 3 { // "--- # a comment", "--- {…}"
			current = part{begin: line, text: bytes.Clone(text[3:])}
		}
	}
	add()
	return parts
}
