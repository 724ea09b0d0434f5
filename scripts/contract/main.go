// Command contract completes core/api/openapi.yaml and makes the JSON of it that the
// server serves and checks requests by. scripts/generate runs it.
//
// Most errors of an operation follow from its form: who has a body can send one that is
// too large, who needs a token can lack it. They are written into the document, in
// place, so that it is complete for every reader, and nobody has to remember them.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: contract OPENAPI.yaml OUT.json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

func run(source, out string) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	complete, err := completed(text)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	if !bytes.Equal(complete, text) {
		if err := os.WriteFile(source, complete, 0o644); err != nil {
			return err
		}
	}
	document, err := toJSON(complete)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	return os.WriteFile(out, document, 0o644)
}

// completed returns the document with every error that follows from an operation's form.
func completed(text []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the document is empty")
	}
	lines := strings.SplitAfter(string(text), "\n")
	before := map[int]string{} // what is inserted, by the line (from 0) that follows it
	paths := value(root.Content[0], "paths")
	for path, item := range pairs(paths) {
		for method, operation := range pairs(item) {
			if !slices.Contains(methods, method) {
				continue
			}
			responses := value(operation, "responses")
			last := key(responses, "default")
			if last == nil {
				return nil, fmt.Errorf("%s %s: its responses do not end with a default", method, path)
			}
			for _, status := range missing(item, operation, responses) {
				before[last.Line-1] += fmt.Sprintf("%s%q: {$ref: \"#/components/responses/%s\"}\n",
					strings.Repeat(" ", last.Column-1), status, answers[status])
			}
		}
	}
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(before[i])
		b.WriteString(line)
	}
	return []byte(b.String()), nil
}

// toJSON converts the document, less what is only for code generators.
func toJSON(text []byte) ([]byte, error) {
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	strip(document)
	exemplify(document)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(document)
	return b.Bytes(), err
}

func strip(node any) {
	switch node := node.(type) {
	case map[string]any:
		for name, child := range node {
			if strings.HasPrefix(name, "x-go-") {
				delete(node, name)
				continue
			}
			strip(child)
		}
	case []any:
		for _, child := range node {
			strip(child)
		}
	}
}
