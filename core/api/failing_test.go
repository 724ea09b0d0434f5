package api

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// failing is a part of the server that cannot do anything.
type failing struct{ err error }

func (f failing) Trigger(context.Context, core.TriggerRequest) (*core.Execution, error) {
	return nil, f.err
}
func (f failing) Retry(context.Context, core.RetryRequest) (*core.Execution, error) {
	return nil, f.err
}
func (f failing) Decide(context.Context, core.Decision) error                 { return f.err }
func (f failing) Pause(context.Context, string) error                         { return f.err }
func (f failing) Resume(context.Context, string) error                        { return f.err }
func (f failing) Drain(context.Context, string) error                         { return f.err }
func (f failing) Queue(context.Context) core.QueueState                       { return core.QueueState{} }
func (f failing) Connectors(context.Context) []*core.ConnectorInfo            { return nil }
func (f failing) Rotate(context.Context) (int, error)                         { return 0, f.err }
func (f failing) DeleteSecret(context.Context, string, string) error          { return f.err }
func (f failing) ListSecrets(context.Context, string) ([]*core.Secret, error) { return nil, f.err }
func (f failing) Connector(context.Context, string) (*core.ConnectorInfo, error) {
	return nil, f.err
}
func (f failing) SetSecret(context.Context, string, string, string, string) (*core.Secret, error) {
	return nil, f.err
}

// failingStore fails where handlers ask first.
type failingStore struct {
	Store
	failing
}

func (f failingStore) Pipelines(context.Context, core.Page) ([]*core.Pipeline, error) {
	return nil, f.err
}
func (f failingStore) Pipeline(context.Context, string) (*core.Pipeline, error) { return nil, f.err }
func (f failingStore) CreatePipeline(context.Context, *core.Pipeline, *core.PipelineRevision) error {
	return f.err
}
func (f failingStore) DeletePipeline(context.Context, string) error { return f.err }
func (f failingStore) Revision(context.Context, string, int) (*core.PipelineRevision, error) {
	return nil, f.err
}
func (f failingStore) Executions(context.Context, core.ExecutionFilter) ([]*core.Execution, error) {
	return nil, f.err
}
func (f failingStore) Execution(context.Context, string) (*core.Execution, error) { return nil, f.err }

// failingShelf is one for artifacts.
type failingShelf struct {
	core.ArtifactReader
	failing
}

func (f failingShelf) Artifact(context.Context, string) (*core.Artifact, error) { return nil, f.err }

func (f failing) Notifications(context.Context, string) ([]*core.Notification, error) {
	return nil, f.err
}
func (f failing) RetryNotification(context.Context, string, string) (*core.Notification, error) {
	return nil, f.err
}

// untold has told nobody of anything.
type untold struct{}

func (untold) Notifications(context.Context, string) ([]*core.Notification, error) { return nil, nil }
func (untold) RetryNotification(_ context.Context, _, id string) (*core.Notification, error) {
	return nil, core.NotFound("notification", id)
}
