package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

// pairs reads NAME=value arguments of a flag that may be repeated.
func pairs(flag string, list []string) (map[string]string, error) {
	values := make(map[string]string, len(list))
	for _, pair := range list {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, &exitError{exitUsage, fmt.Errorf("--%s %q is not of the form NAME=value", flag, pair)}
		}
		values[name] = value
	}
	return values, nil
}

// secretEnvironment takes the values of variables from the command's own environment:
// an argument could be read by others on this machine. It returns nil for none.
func (a *app) secretEnvironment(names []string) (*map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		if values[name] = a.getenv(name); values[name] == "" {
			return nil, &exitError{exitUsage, fmt.Errorf("--secret-env %s: the environment has no such variable; set it, and give its name alone", name)}
		}
	}
	return &values, nil
}

// paramFlags are the flags for a pipeline's parameters.
type paramFlags struct{ list []string }

func (p *paramFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&p.list, "param", "p", nil, "NAME=value of a declared parameter; may be repeated")
}

// params are what the API takes; nil for none. Values go as text: the server knows
// their types.
func (p *paramFlags) params() (*client.Params, error) {
	values, err := pairs("param", p.list)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	params := client.Params{}
	for name, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode a parameter: %w", err)
		}
		params[name] = text
	}
	return &params, nil
}
