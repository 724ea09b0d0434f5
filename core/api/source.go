package api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// maxSource is the largest pipeline file.
const maxSource = 10 << 20

// maxEnvelope is what a multipart body may have around a file.
const maxEnvelope = 64 << 10

// yamlTypes are the media types of YAML in use; application/yaml is that of RFC 9512.
var yamlTypes = []string{"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"}

// uploadFields are the names under which a file is uploaded.
var uploadFields = []string{"pipeline", "file", "yaml"}

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
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, tooLargeError(tooLarge.Limit)
	}
	if err != nil {
		return nil, &core.Error{Code: core.CodeInvalid, Message: "the body could not be read to its end", Err: err}
	}
	return source, nil
}

// readUpload reads the one file of a multipart body, as it streams by.
func readUpload(w http.ResponseWriter, r *http.Request) (name string, source []byte, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSource+maxEnvelope)
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, &core.Error{Code: core.CodeUnsupportedMedia, Message: "the body is not multipart/form-data",
			Suggestions: []string{"curl -F pipeline=@file.yaml does it"}}
	}
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return "", nil, &core.Error{Code: core.CodeInvalid, Message: "the upload has no file",
				Suggestions: []string{"name the part pipeline, file or yaml"}}
		case err != nil:
			_, err := readAll(errorReader{err})
			return "", nil, err
		case slices.Contains(uploadFields, part.FormName()) && part.FileName() != "":
			return readPart(part)
		}
	}
}

func readPart(part *multipart.Part) (name string, source []byte, err error) {
	name = filepath.Base(part.FileName())
	if extension := strings.ToLower(filepath.Ext(name)); extension != ".yaml" && extension != ".yml" {
		return "", nil, &core.Error{Code: core.CodeUnsupportedMedia, Message: "the file " + name + " is not a YAML file",
			Suggestions: []string{"its name must end in .yaml or .yml"}}
	}
	source, err = readAll(io.LimitReader(part, maxSource+1))
	if err == nil && len(source) > maxSource {
		err = tooLargeError(maxSource)
	}
	return name, source, err
}

// errorReader lets readAll explain an error.
type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }
