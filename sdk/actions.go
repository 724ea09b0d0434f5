package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Actions is a Connector made of typed actions. Embed it in a struct of your own
// to add the optional interfaces:
//
//	type connector struct{ *sdk.Actions }
//
//	func (c *connector) DestroyStep(ctx context.Context, r sdk.DestroyRequest) error { … }
type Actions struct {
	info    Info
	actions []Action
}

// Request is a RunRequest whose config has become a C.
type Request[C any] struct {
	RunRequest
	Config C
}

// Action is one typed action; make it with NewAction.
type Action struct {
	name    string
	implied []KeyPattern
	info    func() ActionInfo
	decode  *decoder
	run     func(context.Context, RunRequest, *Session) (Result, error)
	ahead   func(context.Context, Step) error // nil for an action that does not
}

// ActionOption adds to an action.
type ActionOption func(*ActionInfo)

// WithOutput declares a value that the action sets for later steps.
func WithOutput(name, help string) ActionOption {
	return func(a *ActionInfo) { a.Outputs = append(a.Outputs, OutputInfo{Name: name, Help: help}) }
}

// NewAction makes an action out of a function. C is a struct: its json tags are
// the config's keys, its jsonschema tags (invopop/jsonschema) give descriptions,
// required keys, defaults, enums and bounds. If C, or a pointer to it, has a
// method CheckConfig() error, it is called on the decoded config.
func NewAction[C any](name, help string, run func(context.Context, Request[C], *Session) (Result, error), options ...ActionOption) Action {
	decode := newDecoder(func() any { return new(C) })
	info := ActionInfo{Name: name, Help: help}
	for _, option := range options {
		option(&info)
	}
	return Action{
		name:    name,
		implied: info.ImpliedBy,
		decode:  decode,
		info: func() ActionInfo {
			info := info
			info.ConfigSchema = decode.schemaJSON()
			return info
		},
		run: func(ctx context.Context, request RunRequest, session *Session) (Result, error) {
			config := new(C)
			if err := decode.into(request.Step.Config, config); err != nil {
				return Result{}, err
			}
			return run(ctx, Request[C]{RunRequest: request, Config: *config}, session)
		},
	}
}

// Prepared returns the action with a function that gets ready for it; see
// StepPreparer, which a connector implements by calling Actions.Prepare.
func Prepared[C any](action Action, prepare func(context.Context, Request[C]) error) Action {
	action.ahead = func(ctx context.Context, step Step) error {
		config := new(C)
		if err := action.decode.into(step.Config, config); err != nil {
			return err
		}
		return prepare(ctx, Request[C]{RunRequest: RunRequest{Step: step}, Config: *config})
	}
	return action
}

// NewActions makes a Connector of actions; the first is the default one, for steps
// that name no action and whose config implies none (see ImpliedBy).
func NewActions(info Info, first Action, more ...Action) *Actions {
	return &Actions{info: info, actions: append([]Action{first}, more...)}
}

// Info implements Connector.
func (a *Actions) Info() Info {
	info := a.info
	info.Actions = nil
	for _, action := range a.actions {
		info.Actions = append(info.Actions, action.info())
	}
	return info
}

// RunStep implements Connector: it decodes the config strictly and runs the
// action.
func (a *Actions) RunStep(ctx context.Context, request RunRequest, session *Session) (Result, error) {
	action, err := a.action(request.Step.Action, request.Step.Config)
	if err != nil {
		return Result{}, err
	}
	return action.run(ctx, request, session)
}

// Prepare decodes the config strictly and gets ready for the action, if it is one
// that does (see Prepared).
func (a *Actions) Prepare(ctx context.Context, request PrepareStepRequest) error {
	action, err := a.action(request.Step.Action, request.Step.Config)
	if err != nil || action.ahead == nil {
		return err
	}
	return action.ahead(ctx, request.Step)
}

// CheckConfig returns what is wrong with a config: unknown and missing keys,
// wrong types, values out of bounds, and what the config's own CheckConfig says.
func (a *Actions) CheckConfig(request ValidateRequest) ([]Diagnostic, error) {
	action, err := a.action(request.Action, request.Config)
	if err != nil {
		return nil, err
	}
	return action.decode.check(request.Config), nil
}

// prepare does what the first step of the default action would otherwise pay for.
func (a *Actions) prepare() { _ = a.actions[0].decode.prepare() } // a step says what is wrong

func (a *Actions) connectorName() string { return a.info.Name }

func (a *Actions) action(name string, config json.RawMessage) (*Action, error) {
	if name == "" {
		return a.implied(config), nil
	}
	names := make([]string, len(a.actions))
	for i := range a.actions {
		if a.actions[i].name == name {
			return &a.actions[i], nil
		}
		names[i] = a.actions[i].name
	}
	slices.Sort(names)
	return nil, &Error{Class: ClassInvalidConfig, Pointer: "/action",
		Message:    fmt.Sprintf("connector %s has no action %q", a.info.Name, name),
		Suggestion: "it has: " + strings.Join(names, ", ")}
}
