// Package pipefile reads pipeline files: YAML in, specs and diagnostics out. Every
// diagnostic has its place in the file, says what is wrong and what to do.
//
// The way of a file: source (text checked and normalised), tokens (bounded), value
// (a small tree with positions, aliases resolved within a budget), decoder (the
// keys; expressions are those of core/condition), and last the checks that need more
// than one value: configs against the schemas of their connectors, names and cycles
// (see core/plan), and what expressions refer to. KEYS.md is for people who write
// pipelines.
package pipefile

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// MaxSize is the longest pipeline file in bytes.
const MaxSize = 10 << 20

// Catalog is what is known of connectors.
type Catalog = core.Catalog

// Options say how strictly a file is read.
type Options struct {
	// Catalog may be nil: then connectors, actions and configs are not checked.
	Catalog Catalog
	// Strict makes errors of unknown keys, which are warnings otherwise.
	Strict bool
}

// Parse reads the pipelines of one file; each YAML document is one. The specs are
// only usable when no diagnostic is an error. The file is named in diagnostics as
// given. Parse never fails and keeps nothing of source. For many files a Parser is
// quicker: it compiles a connector's schema once.
func Parse(ctx context.Context, file string, source []byte, o Options) ([]*core.Spec, []core.Diagnostic) {
	return parse(ctx, file, source, o, newSchemaCache())
}

// Parser is a core.PipelineParser over a catalog. It keeps compiled schemas, and
// is safe for concurrent use when its catalog is.
type Parser struct {
	catalog Catalog
	schemas *schemaCache
}

var _ core.PipelineParser = (*Parser)(nil)

// NewParser makes a Parser. The catalog may be nil; see Options.
func NewParser(catalog core.Catalog) *Parser {
	return &Parser{catalog: catalog, schemas: newSchemaCache()}
}

// Parse implements core.PipelineParser.
func (p *Parser) Parse(file string, source []byte) ([]*core.Spec, []core.Diagnostic) {
	return parse(context.Background(), file, source, Options{Catalog: p.catalog}, p.schemas)
}

func parse(ctx context.Context, file string, source []byte, o Options, schemas *schemaCache) ([]*core.Spec, []core.Diagnostic) {
	r := newReporter(file)
	text, ok := r.open(source)
	if !ok {
		return nil, r.result()
	}
	documents := compose(r, text)
	if len(documents) == 0 && !r.failed {
		r.error(position{1, 1}, "the file is empty", "a pipeline has a name and stages")
	}
	var specs []*core.Spec
	for _, document := range documents {
		d := newDecoder(ctx, r, o, schemas)
		if spec := d.pipeline(document); spec != nil {
			specs = append(specs, spec)
		}
	}
	d := &decoder{reporter: r}
	d.uniquePipelines(specs, documents)
	return specs, r.result()
}
