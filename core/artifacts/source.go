// Package artifacts keeps files of executions: declared artifacts, caches, and the
// workspaces of failed executions.
package artifacts

// Source says whose files they are. Stage and Step are empty for a whole execution.
type Source struct {
	ExecutionID, PipelineID, Stage, Step string
}
