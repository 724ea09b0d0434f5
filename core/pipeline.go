package core

import "time"

// Pipeline is a stored pipeline. Its current text is that of Revision.
type Pipeline struct {
	ID          string `json:"id" bson:"_id"`
	Name        string `json:"name" bson:"name"`
	Description string `json:"description,omitempty" bson:"description,omitempty"`
	// Revision is the number of the PipelineRevision in force, from 1.
	Revision  int       `json:"revision" bson:"revision"`
	CreatedAt time.Time `json:"created_at" bson:"created_at"`
	UpdatedAt time.Time `json:"updated_at" bson:"updated_at"`
	// Version guards updates: see Conflict.
	Version int64 `json:"version" bson:"version"`
}

// PipelineRevision is one text of a pipeline. It never changes: an execution
// names the revision it runs.
type PipelineRevision struct {
	PipelineID string    `json:"pipeline_id" bson:"pipeline_id"`
	Number     int       `json:"number" bson:"number"`
	YAML       string    `json:"yaml" bson:"yaml"`
	Spec       *Spec     `json:"spec" bson:"spec"`
	CreatedAt  time.Time `json:"created_at" bson:"created_at"`
}
