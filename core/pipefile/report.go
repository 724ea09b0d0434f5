package pipefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// maxDiagnostics is how many diagnostics a person gets to see of one file;
// maxKept how many are kept to choose the first from.
const (
	maxDiagnostics = 100
	maxKept        = 2000
)

// position is a place in a file; both count from 1, the column in characters.
// Zero is not known.
type position struct{ line, column int }

// reporter collects the diagnostics of one file.
type reporter struct {
	file   string
	text   string
	starts []int // of lines, in bytes
	list   []core.Diagnostic
	seen   map[string]bool
	more   int
	failed bool
	errors int
}

func newReporter(file string) *reporter { return &reporter{file: file, seen: map[string]bool{}} }

func (r *reporter) setText(text string) {
	r.text, r.starts = text, append(make([]int, 0, 64), 0)
	for i := 0; ; {
		next := strings.IndexByte(text[i:], '\n')
		if next < 0 {
			return
		}
		i += next + 1
		r.starts = append(r.starts, i)
	}
}

// line returns the text of a line, from 1, without its end.
func (r *reporter) line(n int) string {
	if n < 1 || n > len(r.starts) {
		return ""
	}
	if n == len(r.starts) {
		return r.text[r.starts[n-1]:]
	}
	return r.text[r.starts[n-1] : r.starts[n]-1]
}

func (r *reporter) error(at position, message, suggestion string) {
	r.failed = true
	r.errors++
	r.add(core.SeverityError, at, message, suggestion)
}

func (r *reporter) warn(at position, message, suggestion string) {
	r.add(core.SeverityWarning, at, message, suggestion)
}

// add takes a diagnostic. A place that was reached twice through an alias is
// reported once.
func (r *reporter) add(severity core.Severity, at position, message, suggestion string) {
	at = r.clamp(at)
	key := fmt.Sprint(at, message)
	if r.seen[key] {
		return
	}
	if len(r.list) >= maxKept {
		r.more++
		return
	}
	r.seen[key] = true
	r.list = append(r.list, core.Diagnostic{Severity: severity, File: r.file, Line: at.line, Column: at.column,
		Message: message, Suggestion: suggestion})
}

// clamp keeps a place within the file, whatever the YAML scanner says.
func (r *reporter) clamp(at position) position {
	if at.line < 1 || len(r.starts) == 0 {
		return at
	}
	at.line = min(at.line, len(r.starts))
	at.column = max(1, min(at.column, utf8.RuneCountInString(r.line(at.line))+1))
	return at
}

// result returns what was found in the order of the file, errors before warnings
// at the same place.
func (r *reporter) result() []core.Diagnostic {
	slices.SortStableFunc(r.list, func(a, b core.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Severity, b.Severity))
	})
	total := len(r.list) + r.more
	if total > maxDiagnostics {
		shown := r.list[:maxDiagnostics]
		last := core.Diagnostic{Severity: core.SeverityWarning, File: r.file,
			Message: fmt.Sprintf("there are %d more", total-maxDiagnostics), Suggestion: "mend these first"}
		if r.failed {
			last.Severity = core.SeverityError
		}
		r.list = append(shown[:maxDiagnostics:maxDiagnostics], last)
	}
	for i := range r.list {
		r.list[i].Excerpt = r.excerpt(position{r.list[i].Line, r.list[i].Column})
	}
	return r.list
}

// maxExcerptWidth is how much of a line is shown.
const maxExcerptWidth = 100

// excerpt draws the line and the one before it with a mark under the column.
func (r *reporter) excerpt(at position) string {
	if at.line < 1 || at.line > len(r.starts) {
		return ""
	}
	from := 0
	if at.column > maxExcerptWidth*3/4 {
		from = at.column - maxExcerptWidth/2
	}
	var b strings.Builder
	for n := max(1, at.line-1); n <= at.line; n++ {
		shown := r.line(n)
		if n < at.line && utf8.RuneCountInString(shown) <= from {
			shown = window(shown, 0) // It ends before what is shown of the other.
		} else {
			shown = window(shown, from)
		}
		fmt.Fprintf(&b, "%5d | %s\n", n, shown)
	}
	mark := []rune(window(r.line(at.line), from))
	mark = mark[:min(len(mark), max(0, at.column-1-from))]
	for i, c := range mark {
		// Tabs stay, so that the mark stands right however wide they are shown.
		if c != '\t' {
			mark[i] = ' '
		}
	}
	fmt.Fprintf(&b, "      | %s^", string(mark))
	return b.String()
}

// window cuts a line to what is shown, and takes out what could move a cursor.
func window(line string, from int) string {
	shown := make([]rune, 0, maxExcerptWidth+1)
	column := 0
	for _, c := range line {
		column++
		switch {
		case column <= from:
			continue
		case column == from+1 && from > 0:
			c = '…'
		case c != '\t' && !unicode.IsPrint(c):
			c = '�'
		}
		if len(shown) >= maxExcerptWidth {
			return string(append(shown, '…'))
		}
		shown = append(shown, c)
	}
	return string(shown)
}
