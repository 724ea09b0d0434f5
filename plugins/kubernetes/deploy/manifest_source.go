package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Manifests is what a step says to apply: a file, a folder or a pattern in the
// workspace, the text of manifests, an object, or a list of these.
type Manifests []manifest

// manifest is one of them; either path or text is set.
type manifest struct {
	path string
	text []byte
}

// UnmarshalJSON reads all forms. A text with more than one line, or one that begins
// like an object, is a manifest; any other is a path.
func (m *Manifests) UnmarshalJSON(data []byte) error {
	*m = nil
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		list = []json.RawMessage{data}
	}
	for _, item := range list {
		var text string
		switch {
		case bytes.HasPrefix(bytes.TrimSpace(item), []byte("{")):
			*m = append(*m, manifest{text: item})
		case json.Unmarshal(item, &text) != nil:
			return fmt.Errorf("expected a path, the text of a manifest, or a list of these")
		case strings.TrimSpace(text) == "":
		case strings.ContainsAny(strings.TrimSpace(text), "\n\r") || strings.HasPrefix(strings.TrimSpace(text), "{"):
			*m = append(*m, manifest{text: []byte(text)})
		default:
			*m = append(*m, manifest{path: strings.TrimSpace(text)})
		}
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (Manifests) JSONSchema() *jsonschema.Schema {
	one := []*jsonschema.Schema{{Type: "string"}, {Type: "object"}}
	return &jsonschema.Schema{
		Description: "What to apply: a file, a folder (with all below it) or a pattern in the workspace, the text of manifests, an object, or a list of these",
		AnyOf:       append(one, &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: one}}),
	}
}

// inline parses those that are given as text: what can be checked without a workspace.
func (m Manifests) inline() error {
	for _, one := range m {
		if one.path == "" {
			if _, err := parse(one.text, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// read returns the objects of all of them, in the order given, files in the order of
// their paths. Nothing outside the workspace is read, by symbolic links neither.
func (m Manifests) read(workspace string) ([]document, error) {
	var documents []document
	var root *os.Root
	left := int64(maxManifest)
	for _, one := range m {
		if one.path == "" {
			found, err := parse(one.text, "")
			if err != nil {
				return nil, err
			}
			documents = append(documents, found...)
			continue
		}
		if root == nil {
			opened, err := os.OpenRoot(workspace)
			if err != nil {
				return nil, fmt.Errorf("open the workspace: %w", err)
			}
			defer opened.Close()
			root = opened
		}
		files, err := find(root, workspace, one.path)
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			found, size, err := parseFile(root, name, left)
			if err != nil {
				return nil, err
			}
			left -= size
			documents = append(documents, found...)
		}
	}
	switch {
	case len(documents) == 0:
		return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/manifest", Message: "the manifest has no objects",
			Suggestion: "name a file or a folder with .yaml, .yml or .json files, or write the manifest itself"}
	case len(documents) > maxDocuments:
		return nil, unreadable("manifest", "there are more than %d objects", maxDocuments)
	}
	return documents, nil
}

func parseFile(root *os.Root, name string, left int64) ([]document, int64, error) {
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, 0, unreadable(name, "%v", errors.Unwrap(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, left+1))
	if err != nil {
		return nil, 0, unreadable(name, "%v", err)
	}
	if int64(len(data)) > left {
		return nil, 0, unreadable(name, "the manifests have more than %d MiB", maxManifest>>20)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, 0, unreadable(name, "the file is not text")
	}
	documents, err := parse(data, name)
	return documents, int64(len(data)), err
}

// find returns the files that a path or a pattern means, with slashes and sorted.
func find(root *os.Root, workspace, configured string) ([]string, error) {
	name := configured
	if filepath.IsAbs(name) {
		relative, err := filepath.Rel(workspace, name)
		if err != nil {
			return nil, notThere(configured)
		}
		name = relative
	}
	name = path.Clean(filepath.ToSlash(name))
	info, err := root.Stat(filepath.FromSlash(name))
	switch {
	case err == nil && info.IsDir():
		return walk(root, name)
	case err == nil && info.Mode().IsRegular():
		return []string{name}, nil
	case err == nil:
		return nil, unreadable(configured, "it is neither a file nor a folder")
	case !errors.Is(err, fs.ErrNotExist):
		return nil, unreadable(configured, "it cannot be read; it must be in the workspace")
	}
	if !strings.ContainsAny(name, "*?[{") {
		return nil, notThere(configured)
	}
	files, err := doublestar.Glob(root.FS(), name, doublestar.WithFilesOnly(), doublestar.WithNoHidden())
	if err != nil {
		return nil, unreadable(configured, "the pattern is not valid: %v", err)
	}
	if len(files) == 0 {
		return nil, notThere(configured)
	}
	slices.Sort(files)
	return files, nil
}

// walk returns the manifests of a folder and all below it; hidden ones do not count.
func walk(root *os.Root, folder string) ([]string, error) {
	var files []string
	err := fs.WalkDir(root.FS(), folder, func(name string, entry fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(base, ".") && name != folder:
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		switch strings.ToLower(path.Ext(base)) {
		case ".yaml", ".yml", ".json":
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		return nil, unreadable(folder, "%v", err)
	}
	slices.Sort(files)
	return files, nil
}

func notThere(configured string) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/manifest",
		Message:    fmt.Sprintf("manifest: there is no %q in the workspace", configured),
		Suggestion: "give a path relative to the workspace; the text of a manifest has more than one line"}
}
