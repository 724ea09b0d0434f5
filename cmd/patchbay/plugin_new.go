package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
)

// pluginTemplates are the files of a new connector, as text templates whose names
// end in .tmpl.
//
//go:embed plugin_templates
var pluginTemplates embed.FS

const (
	templateFolder = "plugin_templates"
	sdkModule      = "github.com/patchbay-ci/patchbay"
)

// newConnector is what the templates are told.
type newConnector struct {
	Name, Module, SDKModule string
	// SDKVersion is what go.mod requires; SDK is the folder that replaces it, or "".
	SDKVersion, SDK string
	Program         string
}

func (a *app) newPluginNewCommand() *cobra.Command {
	var folder, module, sdkFolder string
	command := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a new connector to begin with, in a Go module of its own",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := newConnectorFor(args[0], module, sdkFolder)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if folder == "" {
				folder = c.Program
			}
			if err := writeConnector(folder, c); err != nil {
				return &exitError{exitFailed, err}
			}
			a.printNextSteps(folder, c)
			return nil
		},
	}
	command.Flags().StringVar(&folder, "dir", "", "folder to write to (default "+pluginhost.Prefix+"NAME)")
	command.Flags().StringVar(&module, "module", "", "path of the Go module (default example.com/"+pluginhost.Prefix+"NAME)")
	command.Flags().StringVar(&sdkFolder, "sdk", "", "clone of Patchbay to take the SDK from, instead of a released version")
	return command
}

var modulePath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~/-]*$`)

func newConnectorFor(name, module, sdkFolder string) (newConnector, error) {
	c := newConnector{Name: name, Module: module, SDKModule: sdkModule, Program: pluginhost.Prefix + name}
	if !pluginhost.ValidName(name) {
		return c, fmt.Errorf("%q is not a name for a connector: use lower-case letters, digits and hyphens inside, at most 63", name)
	}
	if c.Module == "" {
		c.Module = "example.com/" + c.Program
	}
	if !modulePath.MatchString(c.Module) || strings.Contains(c.Module, "//") {
		return c, fmt.Errorf("--module %q is not the path of a Go module, such as example.com/acme/%s", c.Module, c.Program)
	}
	c.SDKVersion = version
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(version) {
		c.SDKVersion = "v0.0.0-00010101000000-000000000000" // of a build that is no release
	}
	if sdkFolder == "" {
		return c, nil
	}
	absolute, err := filepath.Abs(sdkFolder)
	if err != nil {
		return c, err
	}
	content, err := os.ReadFile(filepath.Join(absolute, "go.mod"))
	if err != nil || !strings.HasPrefix(string(content), "module "+sdkModule+"\n") {
		return c, fmt.Errorf("--sdk %s is not a clone of Patchbay: its go.mod is missing or another module's", sdkFolder)
	}
	c.SDK = absolute
	return c, nil
}

// writeConnector fills a folder, which must be empty or not there. What it has
// written goes again if it fails.
func writeConnector(folder string, c newConnector) (err error) {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty; --dir names another folder", folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	all, err := template.ParseFS(pluginTemplates, templateFolder+"/*.tmpl")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	var written []string
	defer func() {
		if err != nil {
			for _, name := range written {
				err = errors.Join(err, os.Remove(name))
			}
		}
	}()
	for _, t := range all.Templates() {
		var text strings.Builder
		if err := t.Execute(&text, c); err != nil {
			return fmt.Errorf("template %s: %w", t.Name(), err)
		}
		name := filepath.Join(folder, strings.TrimSuffix(t.Name(), ".tmpl"))
		if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
			return err
		}
		written = append(written, name)
	}
	return nil
}

func (a *app) printNextSteps(folder string, c newConnector) {
	fmt.Fprintf(a.stdout, "Wrote the connector %s to %s. Next:\n\n  cd %s\n  go mod tidy\n  go test ./...\n"+
		"  go build -o %s . && PATCHBAY_PLUGIN_PATH=. patchbay plugin describe %s\n", c.Name, folder, folder, c.Program, c.Name)
	if c.SDK == "" && c.SDKVersion != version {
		fmt.Fprintf(a.stdout, "\nThis build of Patchbay is no release: point go.mod at a clone of it with\n\n"+
			"  go mod edit -replace %s=/path/to/clone\n", sdkModule)
	}
}
