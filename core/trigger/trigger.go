// Package trigger is the one door for every run: whoever wants one, an API client, a
// webhook, a schedule, an execution is created here, stored first and answered
// after.
package trigger

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// Bounds on what a trigger may bring.
const (
	maxVariables   = 1000
	maxEnvironment = 1 << 20
	maxText        = 1024
)

// variableName is what a shell takes for the name of a variable (POSIX, 8.1).
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Store is what a Service needs.
type Store interface {
	Pipeline(ctx context.Context, id string) (*core.Pipeline, error)
	Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error)
	CreateExecution(ctx context.Context, e *core.Execution) error
	Execution(ctx context.Context, id string) (*core.Execution, error)
	StepRuns(ctx context.Context, executionID string) ([]*core.StepRun, error)
	SaveStepRun(ctx context.Context, s *core.StepRun) error
	Artifacts(ctx context.Context, executionID string) ([]*core.Artifact, error)
}

// Service implements core.Triggerer and core.Retrier. It is safe for concurrent use.
type Service struct {
	store     Store
	notify    func(e *core.Execution)
	revisions revisions
	// values is nil when nothing secret can be kept; see WithValues.
	values core.ValueKeeper
}

var (
	_ core.Triggerer = (*Service)(nil)
	_ core.Retrier   = (*Service)(nil)
)

// New tells notify of each execution after it is stored. notify must not block; if
// the server dies before it is called, the next start finds the execution.
func New(store Store, notify func(e *core.Execution)) *Service {
	return &Service{store: store, notify: notify, revisions: revisions{specs: map[revisionKey]*core.Spec{}}}
}

// Trigger implements core.Triggerer.
func (s *Service) Trigger(ctx context.Context, request core.TriggerRequest) (*core.Execution, error) {
	if request.Info.Type == "" {
		request.Info.Type = core.TriggerManual
	}
	if err := Check(request); err != nil {
		return nil, err
	}
	pipeline, err := s.store.Pipeline(ctx, request.PipelineID)
	if err != nil {
		return nil, err
	}
	spec, err := s.spec(ctx, pipeline.ID, pipeline.Revision)
	if err != nil {
		return nil, err
	}
	params, err := Params(spec.Params, request.Params)
	if err != nil {
		return nil, err
	}
	id, err := executionID(request.ExecutionID)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	e := &core.Execution{ID: id, PipelineID: pipeline.ID, PipelineName: pipeline.Name, Revision: pipeline.Revision,
		Status: core.StatusPending, Trigger: request.Info, Environment: request.Environment, Params: params, CreatedAt: now, UpdatedAt: now}
	if err := s.keepValues(ctx, e, request.SecretEnvironment); err != nil {
		return nil, err
	}
	remember(ctx, e)
	if err := complete(e, spec, request.Priority); err != nil {
		return nil, err
	}
	err = s.store.CreateExecution(ctx, e)
	if request.ExecutionID != "" && core.CodeOf(err) == core.CodeConflict {
		return s.store.Execution(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	s.notify(e)
	return e, nil
}

// executionID is the wanted ID, or a new one.
func executionID(wanted string) (string, error) {
	if wanted == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("make an ID: %w", err)
		}
		return id.String(), nil
	}
	id, err := uuid.Parse(wanted)
	if err != nil || id.String() != wanted {
		return "", core.Errorf(core.CodeInvalid, "%.60q is no ID of an execution", wanted)
	}
	return wanted, nil
}

// Bounds on the list of changed files.
const (
	maxPaths     = 10_000
	maxPathBytes = 1 << 20
)

func checkPaths(paths []string) error {
	size := 0
	for _, path := range paths {
		if !utf8.ValidString(path) || path == "" || strings.ContainsFunc(path, unicode.IsControl) {
			return core.Errorf(core.CodeInvalid, "changed_paths: %.60q is no path", path)
		}
		size += len(path)
	}
	if len(paths) > maxPaths || size > maxPathBytes {
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("changed_paths has %d paths of %d bytes in all; %d and %d are the most",
			len(paths), size, maxPaths, maxPathBytes), Suggestions: []string{"leave it out: then everything counts as changed"}}
	}
	return nil
}

// Check refuses what no step could be given: texts of more than a line, odd names of
// variables, too much of anything. Parameters have a check of their own (Params).
func Check(request core.TriggerRequest) error {
	if !slices.Contains(core.TriggerTypes(), request.Info.Type) {
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no trigger type %q", request.Info.Type),
			Suggestions: []string{fmt.Sprintf("use one of %v", core.TriggerTypes())}}
	}
	for what, text := range map[string]string{"branch": request.Info.Branch, "tag": request.Info.Tag,
		"commit_hash": request.Info.CommitHash, "repository": request.Info.Repository} {
		if len(text) > maxText {
			return core.Errorf(core.CodeInvalid, "%s has %d bytes; %d is the most", what, len(text), maxText)
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return core.Errorf(core.CodeInvalid, "%s is %q; it must be one line of plain text", what, text)
		}
	}
	if err := checkPaths(request.Info.ChangedPaths); err != nil {
		return err
	}
	for name := range request.Info.Variables {
		if !strings.HasPrefix(name, "CI_") {
			return core.Errorf(core.CodeInvalid, "variables: %.60q does not begin with CI_", name)
		}
	}
	if err := checkVariables("variables", request.Info.Variables); err != nil {
		return err
	}
	return checkVariables("environment", request.Environment)
}

// checkVariables refuses what no process could have in its environment.
func checkVariables(what string, variables map[string]string) error {
	size := 0
	for name, value := range variables {
		if !variableName.MatchString(name) {
			return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%s: %q is no name of a variable", what, name),
				Suggestions: []string{"use letters, digits and underscores, and no digit first"}}
		}
		if strings.ContainsRune(value, 0) {
			return core.Errorf(core.CodeInvalid, "%s: the value of %s has a NUL byte, which no process can be given", what, name)
		}
		if !utf8.ValidString(value) {
			return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%s: the value of %s is not text (UTF-8)", what, name),
				Suggestions: []string{"encode it, as in base64"}}
		}
		size += len(name) + len(value)
	}
	if len(variables) > maxVariables || size > maxEnvironment {
		return core.Errorf(core.CodeInvalid, "%s has %d variables of %d bytes in all; %d and %d are the most",
			what, len(variables), size, maxVariables, maxEnvironment)
	}
	return nil
}
