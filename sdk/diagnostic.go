package sdk

// Severity of a Diagnostic.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Diagnostic is one problem in a config.
type Diagnostic struct {
	Severity Severity
	// Pointer is a JSON Pointer (RFC 6901) into the config; empty for the whole.
	Pointer string
	Message string
	// Suggestion says what to do; may be empty.
	Suggestion string
}
