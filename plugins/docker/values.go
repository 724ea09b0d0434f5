package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/invopop/jsonschema"
)

// size is a number of bytes, which may be written as a number or like 512m or 2GiB.
type size int64

// maxSize bounds what is taken for a size: more is a slip of the pen.
const maxSize = 1 << 50

// parseSize reads a size; k, m, g and t count in powers of 1024, as Docker's do.
func parseSize(text string) (size, error) {
	n, err := units.RAMInBytes(strings.TrimSpace(text))
	if err != nil || n <= 0 || n > maxSize {
		return 0, fmt.Errorf("%q is no size; write it like 512m or 2g", text)
	}
	return size(n), nil
}

// UnmarshalJSON reads both forms.
func (s *size) UnmarshalJSON(data []byte) (err error) {
	*s, err = parseSize(scalar(data))
	return err
}

func (s size) String() string { return units.BytesSize(float64(s)) }

// JSONSchema implements jsonschema's customising interface.
func (size) JSONSchema() *jsonschema.Schema {
	return numberOr(`^\s*[0-9]+(\.[0-9]+)?\s*([kKmMgGtT]([iI]?[bB])?|[bB])?\s*$`, "1")
}

// cpus is a number of processors, which may be written like 1.5 or 1500m.
type cpus float64

// maxCPUs bounds what is taken for a number of processors.
const maxCPUs = 4096

func parseCPUs(text string) (cpus, error) {
	number, milli := strings.CutSuffix(strings.TrimSpace(text), "m")
	n, err := strconv.ParseFloat(number, 64)
	if milli {
		n /= 1000
	}
	if err != nil || math.IsNaN(n) || n < 0.01 || n > maxCPUs {
		return 0, fmt.Errorf("%q is no number of processors; write it like 2, 0.5 or 500m (at least 0.01)", text)
	}
	return cpus(n), nil
}

// UnmarshalJSON reads both forms.
func (c *cpus) UnmarshalJSON(data []byte) (err error) {
	*c, err = parseCPUs(scalar(data))
	return err
}

// nano is what the Engine counts in.
func (c cpus) nano() int64 { return int64(float64(c) * 1e9) }

// JSONSchema implements jsonschema's customising interface.
func (cpus) JSONSchema() *jsonschema.Schema {
	return numberOr(`^\s*[0-9]+(\.[0-9]+)?m?\s*$`, "0.01")
}

// span is a length of time, which may be written in seconds or like 500ms.
type span time.Duration

// maxSpan bounds what is taken for one.
const maxSpan = time.Hour

// UnmarshalJSON reads both forms.
func (s *span) UnmarshalJSON(data []byte) error {
	text := scalar(data)
	d, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.ParseFloat(text, 64); notNumber == nil {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < time.Millisecond || d > maxSpan {
		return fmt.Errorf("%q is no length of time between 1ms and %s; write it in seconds, or like 500ms", text, maxSpan)
	}
	*s = span(d)
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (span) JSONSchema() *jsonschema.Schema {
	return numberOr(`^([0-9]+(\.[0-9]+)?(ms|s|m|h)?)+$`, "0.001")
}

// scalar is a JSON text or number as a text.
func scalar(data []byte) string {
	var text string
	if json.Unmarshal(data, &text) == nil {
		return text
	}
	return string(bytes.TrimSpace(data))
}

func numberOr(pattern string, least json.Number) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "number", Minimum: least}, {Type: "string", Pattern: pattern}}}
}
