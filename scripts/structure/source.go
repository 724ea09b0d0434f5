package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// source is what the checks know of a Go file.
type source struct {
	path      string // slashes, relative to the root of the tree
	pkg       string // as in its package clause
	imports   []importSpec
	lines     int
	test      bool
	generated bool
}

type importSpec struct {
	path string
	line int
}

func (s source) dir() string { return path.Dir(s.path) }

// read returns the path of the module at dir and all Go files below it, those of
// nested modules too. Hidden folders, testdata and bin are not part of it.
func read(dir string) (module string, sources []source, err error) {
	module, err = modulePath(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", nil, err
	}
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != dir && skipped(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		s, err := parse(name, filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		sources = append(sources, s)
		return nil
	})
	return module, sources, err
}

func skipped(dir string) bool {
	return strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_") ||
		dir == "testdata" || dir == "bin" || dir == "node_modules"
}

func parse(name, rel string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, rel, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	s := source{
		path:      rel,
		pkg:       file.Name.Name,
		lines:     bytes.Count(text, []byte("\n")),
		test:      strings.HasSuffix(rel, "_test.go"),
		generated: ast.IsGenerated(file),
	}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("%s: import %s: %w", rel, spec.Path.Value, err)
		}
		s.imports = append(s.imports, importSpec{path: target, line: set.Position(spec.Pos()).Line})
	}
	return s, nil
}

func modulePath(gomod string) (string, error) {
	text, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	return "", errors.New(gomod + " names no module")
}
