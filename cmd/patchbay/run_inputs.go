package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/trigger"
)

// runInputs are what a run without a server is given besides its file.
type runInputs struct {
	trigger core.TriggerRequest
	params  map[string]string
	secrets localSecrets
}

// inputs reads what the flags give.
func (a *app) inputs(f runFlags) (in runInputs, err error) {
	if in.trigger, err = f.trigger(); err != nil {
		return in, err
	}
	in.trigger.Info.ChangedPaths = f.changed
	if err := trigger.Check(in.trigger); err != nil { // as a server would
		return in, explained(err)
	}
	if in.params, err = pairs("param", f.params.list); err != nil {
		return in, err
	}
	in.secrets, err = a.localSecrets(f.secrets, f.secretsFile)
	return in, err
}

// triggers makes what triggers each pipeline of a file, with its parameters checked
// and completed. Pipelines of one file share what is given: each takes what it
// declares, and somebody has to.
func (in runInputs) triggers(specs []*core.Spec) ([]core.TriggerRequest, error) {
	declared := map[string]bool{}
	for _, spec := range specs {
		for i := range spec.Params {
			declared[spec.Params[i].Name] = true
		}
	}
	list := make([]core.TriggerRequest, 0, len(specs))
	for _, spec := range specs {
		given := map[string]string{}
		for name, value := range in.params {
			takes := slices.ContainsFunc(spec.Params, func(p core.Param) bool { return p.Name == name })
			if takes || !declared[name] {
				given[name] = value
			}
		}
		request := in.trigger
		var err error
		if request.Params, err = trigger.Params(spec.Params, given); err != nil {
			return nil, explained(err)
		}
		list = append(list, request)
	}
	return list, nil
}

// explained adds to an error for users, for the terminal, what it says besides its
// message. Advice that is for the API is put in the words of the command line.
func explained(err error) error {
	var e *core.Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Message
	if e.Details != "" {
		text += " (" + e.Details + ")"
	}
	for _, suggestion := range e.Suggestions {
		if strings.HasPrefix(suggestion, "give params:") {
			suggestion = "give --param NAME=VALUE"
		}
		text += "; " + suggestion
	}
	return errors.New(text)
}
