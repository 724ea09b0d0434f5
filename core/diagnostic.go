package core

import (
	"fmt"
	"strings"
)

// Severity of a Diagnostic.
type Severity string

// The severities. Only errors stop a pipeline from being accepted.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Diagnostic is one problem in a pipeline file, for a person to read.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// File is as the user named it; empty when there was no file.
	File string `json:"file,omitempty"`
	// Line and Column count from 1; 0 when the place is not known.
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Suggestion says what to do; may be empty.
	Suggestion string `json:"suggestion,omitempty"`
	// Excerpt is the source around the place, with a marker; may be empty.
	Excerpt string `json:"excerpt,omitempty"`
}

// String formats d as "file:line:column: severity: message (suggestion)".
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File + ":")
	}
	if d.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", d.Line, d.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "%s: %s", d.Severity, d.Message)
	if d.Suggestion != "" {
		fmt.Fprintf(&b, " (%s)", d.Suggestion)
	}
	return b.String()
}

// HasErrors reports whether any of the diagnostics is an error.
func HasErrors(diagnostics []Diagnostic) bool {
	for _, d := range diagnostics {
		if d.Severity == SeverityError {
			return true
		}
	}
	return false
}
