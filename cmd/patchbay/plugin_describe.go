package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
)

func (a *app) describePlugin(ctx context.Context, name string) error {
	return a.withCatalog(ctx, true, func(ctx context.Context, host *pluginhost.Host) error {
		c, err := host.Connector(ctx, name)
		if err != nil {
			return &exitError{exitFailed, notFoundText(err)}
		}
		if a.output == "json" {
			if err := a.printJSON(c); err != nil {
				return err
			}
		}
		if c.State == core.ConnectorBroken {
			return &exitError{exitFailed, fmt.Errorf("connector %s (%s) is broken: %s", c.Name, c.Path, c.Reason)}
		}
		if a.output == "json" {
			return nil
		}
		return describeConnector(a.stdout, c)
	})
}

// notFoundText puts what a core.Error has for people into one message.
func notFoundText(err error) error {
	var e *core.Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Message
	if len(e.Suggestions) > 0 {
		text += "\n  " + strings.Join(e.Suggestions, "\n  ")
	}
	if e.Details != "" {
		text += "\n  " + e.Details
	}
	return errors.New(text)
}

func describeConnector(w io.Writer, c *core.ConnectorInfo) error {
	fmt.Fprintf(w, "%s %s  %s\n", c.Name, c.Version, c.Summary)
	fmt.Fprintf(w, "file: %s\nsha256: %s\n", c.Path, c.SHA256)
	if len(c.Capabilities) > 0 {
		fmt.Fprintf(w, "capabilities: %s\n", strings.Join(c.Capabilities, ", "))
	}
	for i, action := range c.Actions {
		note := ""
		if i == 0 && len(c.Actions) > 1 {
			note = " (default)"
		}
		fmt.Fprintf(w, "\naction %s%s  %s\n", action.Name, note, action.Help)
		for _, pattern := range action.ImpliedBy {
			fmt.Fprintf(w, "  taken without its name for a config %s\n", describePattern(pattern))
		}
		if err := describeConfig(w, action.ConfigSchema); err != nil {
			return err
		}
		if err := describeNeeds(w, "outputs", action.Outputs); err != nil {
			return err
		}
	}
	if len(c.Secrets) > 0 {
		fmt.Fprintln(w)
	}
	return describeNeeds(w, "secrets", c.Secrets)
}

// describePattern says which configs a pattern fits: "with a, b and without c".
func describePattern(pattern core.KeyPattern) string {
	var parts []string
	if len(pattern.Present) > 0 {
		parts = append(parts, "with "+strings.Join(pattern.Present, ", "))
	}
	if len(pattern.Absent) > 0 {
		parts = append(parts, "without "+strings.Join(pattern.Absent, ", "))
	}
	return strings.Join(parts, " and ")
}

func describeNeeds(w io.Writer, title string, needs []core.ConnectorNeed) error {
	if len(needs) == 0 {
		return nil
	}
	fmt.Fprintf(w, "  %s:\n", title)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, need := range needs {
		help := need.Help
		if need.Required {
			help = "required; " + help
		}
		fmt.Fprintf(table, "    %s\t%s\n", need.Name, help)
	}
	return table.Flush()
}

// describeConfig prints the keys of a config as its schema has them.
func describeConfig(w io.Writer, schema json.RawMessage) error {
	var root configKey
	if err := json.Unmarshal(schema, &root); err != nil {
		return fmt.Errorf("the connector's schema cannot be read: %w", err)
	}
	if len(root.Properties.names) == 0 {
		fmt.Fprintln(w, "  no config")
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  KEY\tTYPE\tREQUIRED\tDEFAULT\tDESCRIPTION")
	root.rows(table, "")
	return table.Flush()
}

// configKey is what people want to know of a schema.
type configKey struct {
	Type        json.RawMessage `json:"type"`
	Description string          `json:"description"`
	Default     json.RawMessage `json:"default"`
	Enum        []any           `json:"enum"`
	Properties  keyList         `json:"properties"`
	Required    []string        `json:"required"`
	Items       *configKey      `json:"items"`
	AnyOf       []configKey     `json:"anyOf"`
	OneOf       []configKey     `json:"oneOf"`
}

// rows prints the properties, those of objects within with a dotted name.
func (k *configKey) rows(w io.Writer, prefix string) {
	for _, name := range k.Properties.names {
		key := k.Properties.keys[name]
		required := "-"
		if slices.Contains(k.Required, name) {
			required = "yes"
		}
		fmt.Fprintf(w, "  %s%s\t%s\t%s\t%s\t%s\n", prefix, name, key.typeText(), required, orDash(string(key.Default)), key.Description)
		key.rows(w, prefix+name+".")
	}
}

func (k *configKey) typeText() string {
	if len(k.Enum) > 0 {
		words := make([]string, len(k.Enum))
		for i, word := range k.Enum {
			words[i] = fmt.Sprint(word)
		}
		return strings.Join(words, "|")
	}
	var one string
	var many []string
	switch {
	case json.Unmarshal(k.Type, &one) == nil:
		many = []string{one}
	case json.Unmarshal(k.Type, &many) == nil:
	}
	for _, alternative := range slices.Concat(k.AnyOf, k.OneOf) {
		if text := alternative.typeText(); text != "null" && !slices.Contains(many, text) {
			many = append(many, text)
		}
	}
	for i, word := range many {
		if word == "array" && k.Items != nil {
			many[i] = "list of " + k.Items.typeText()
		}
	}
	if len(many) == 0 {
		return "any"
	}
	return strings.Join(many, " or ")
}

// keyList keeps the order in which a schema has its properties: the author's.
type keyList struct {
	names []string
	keys  map[string]*configKey
}

// UnmarshalJSON reads an object.
func (l *keyList) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &l.keys); err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return err
		}
		if text, ok := name.(string); ok && l.keys[text] != nil {
			l.names = append(l.names, text)
		}
	}
	return nil
}
