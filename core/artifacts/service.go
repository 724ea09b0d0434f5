// Package artifacts keeps files of a run's workspace: artifacts that users declared,
// caches, and the workspaces of executions that are tried again. Content is in a
// core.BlobStore by its hash, what is known of it in a core.ArtifactStore.
//
// Content is stored before the document that names it, and removed only some time
// after the last document that did. So whatever is killed at whatever moment, a
// document has its content; what nobody names is removed by Maintain.
//
// Everything is read and written through an os.Root of the workspace: whatever
// symlinks a step has made there, nothing outside it is touched.
package artifacts

// Source says where files come from.
type Source struct {
	ExecutionID, PipelineID, Stage, Step string
}
