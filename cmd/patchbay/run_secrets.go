package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/secrets"
)

// maxSecretsFile is the largest file of secrets that is read.
const maxSecretsFile = 1 << 20

// secretName is what a secret may be called, here as on a server.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// localSecrets are the values given to a run without a server, by name. It implements
// engine.Secrets.
type localSecrets map[string]string

// Resolve returns the values of all names. NotFound says which one is missing, and
// how to give it.
func (l localSecrets) Resolve(_ context.Context, _ string, names []string) (map[string]string, error) {
	values := make(map[string]string, len(names))
	for _, name := range names {
		value, found := l[name]
		if !found {
			e := core.Errorf(core.CodeNotFound, "the secret %s is not given: --secret %s takes it from the environment", name, name)
			if near := core.Nearest(name, slices.Sorted(maps.Keys(l))); near != "" {
				e.Suggestions = []string{"did you mean " + near + "?"}
			}
			return nil, e
		}
		values[name] = value
	}
	return values, nil
}

// localSecrets gathers the values of the variables that are named, and those of a
// file, "" for none. What is named wins over the file.
func (a *app) localSecrets(names []string, file string) (localSecrets, error) {
	values := localSecrets{}
	if file != "" {
		content, err := a.readSecretsFile(file)
		if err != nil {
			return nil, err
		}
		if values, err = parseSecrets(file, content); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		value := a.getenv(name)
		if err := checkSecret(name, value); err != nil {
			return nil, fmt.Errorf("--secret %s: %w", name, err)
		}
		values[name] = value
	}
	return values, nil
}

// checkSecret refuses what no step can be given.
func checkSecret(name, value string) error {
	switch {
	case strings.Contains(name, "="):
		return fmt.Errorf("a value does not belong on a command line, where others can read it; set the variable and give its name")
	case !secretName.MatchString(name):
		return fmt.Errorf("%.60q is no name: use letters, digits and underscores, no digit first", name)
	case strings.HasPrefix(name, "CI_") || strings.HasPrefix(name, "PATCHBAY_") || name == "PATH":
		return fmt.Errorf("%s is a variable that every step has; no secret may replace it", name)
	case value == "":
		return fmt.Errorf("it has no value; set the variable %s", name)
	case len(value) > secrets.MaxValue:
		return fmt.Errorf("it has %d bytes; %d is the most", len(value), secrets.MaxValue)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return fmt.Errorf("it is not text; encode it, as in base64")
	}
	return nil
}

// readSecretsFile reads a file of secrets, within its bound, and warns when it is not
// its owner's alone.
func (a *app) readSecretsFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("--secrets-file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("--secrets-file: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o044 != 0 {
		fmt.Fprintf(a.stderr, "warning: others may read %s; to keep them out: chmod 600 %s\n", name, name)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSecretsFile+1))
	if err != nil {
		return "", fmt.Errorf("--secrets-file: %w", err)
	}
	if len(content) > maxSecretsFile {
		return "", fmt.Errorf("--secrets-file %s is larger than %d MiB, the most it may have", name, maxSecretsFile>>20)
	}
	return string(content), nil
}
