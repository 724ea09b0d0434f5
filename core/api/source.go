package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// maxSource is the largest pipeline file.
const maxSource = 10 << 20

// yamlTypes are the media types of YAML in use; application/yaml is that of RFC 9512.
var yamlTypes = []string{"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"}

// readSource reads a pipeline's text, as YAML or as yaml_content in JSON.
func readSource(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/json" {
		var body PipelineSource
		if err := readJSON(w, r, &body); err != nil {
			return nil, err
		}
		if body.YamlContent == "" {
			return nil, &core.Error{Code: core.CodeInvalid, Message: "yaml_content is missing or empty"}
		}
		if len(body.YamlContent) > maxSource {
			return nil, tooLargeError(maxSource)
		}
		return []byte(body.YamlContent), nil
	}
	if err != nil || !slices.Contains(yamlTypes, kind) {
		return nil, &core.Error{Code: core.CodeUnsupportedMedia, Message: "the body is neither JSON nor YAML",
			Suggestions: []string{"send {\"yaml_content\": …} as application/json, or YAML as application/yaml"}}
	}
	return readAll(http.MaxBytesReader(w, r.Body, maxSource))
}

func readAll(body io.Reader) ([]byte, error) {
	source, err := io.ReadAll(body)
	if err != nil {
		return nil, unread(err)
	}
	return source, nil
}

// unread explains why a body could not be read.
func unread(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLargeError(tooLarge.Limit)
	}
	return &core.Error{Code: core.CodeInvalid, Message: "the body could not be read to its end", Err: err,
		Suggestions: []string{"send all of it, within a minute"}}
}
