package core

import "context"

// PipelineParser turns the text of a pipeline file into specs. It never fails:
// what is wrong is in the diagnostics. A spec is only usable when no diagnostic
// of the file is an error.
type PipelineParser interface {
	// Parse names the file in diagnostics as given; file may be empty.
	Parse(file string, source []byte) ([]*Spec, []Diagnostic)
}

// TriggerRequest asks for an execution.
type TriggerRequest struct {
	PipelineID  string
	Info        TriggerInfo
	Environment map[string]string
}

// Triggerer creates executions: the one door for every run.
type Triggerer interface {
	// Trigger stores an execution and returns it. Once it returned, the execution
	// will run, whatever happens to the server.
	Trigger(ctx context.Context, request TriggerRequest) (*Execution, error)
}

// Canceller stops executions.
type Canceller interface {
	// Cancel stores the wish and returns; the execution ends as cancelled when its
	// steps have stopped. It returns Conflict for an execution that has ended.
	Cancel(ctx context.Context, executionID, by string) error
}

// Catalog lists the connectors that were found, also the broken ones.
type Catalog interface {
	Connectors(ctx context.Context) []*ConnectorInfo
	// Connector returns NotFound for a name nothing was found for. It launches
	// nothing when the description is cached.
	Connector(ctx context.Context, name string) (*ConnectorInfo, error)
}
