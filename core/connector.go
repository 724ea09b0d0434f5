package core

import (
	"encoding/json"
	"errors"
	"slices"
)

// ErrConnectorKilled says that a connector's process is gone because somebody else
// killed it: no fault of the connector's, nor of the step in its hands.
var ErrConnectorKilled = errors.New("the connector was killed by somebody else")

// ConnectorState is how a connector stands.
type ConnectorState string

// The connector states.
const (
	// ConnectorAvailable: found and described; launched on first use.
	ConnectorAvailable ConnectorState = "available"
	// ConnectorRunning: its process is up.
	ConnectorRunning ConnectorState = "running"
	// ConnectorBroken: it cannot be used; Reason says why.
	ConnectorBroken ConnectorState = "broken"
)

// ConnectorInfo is an entry of the catalog.
type ConnectorInfo struct {
	Name         string          `json:"name"`
	Version      string          `json:"version,omitempty"`
	Summary      string          `json:"summary,omitempty"`
	State        ConnectorState  `json:"state"`
	Reason       string          `json:"reason,omitempty"`
	Path         string          `json:"path"`
	SHA256       string          `json:"sha256,omitempty"`
	Actions      []ActionInfo    `json:"actions,omitempty"`
	Capabilities []string        `json:"capabilities,omitempty"`
	Secrets      []ConnectorNeed `json:"secrets,omitempty"`
	// Webhook is nil for a connector that reads no deliveries.
	Webhook *WebhookInfo `json:"webhook,omitempty"`
}

// WebhookInfo says which deliveries a connector reads.
type WebhookInfo struct {
	// Headers are names, in lower case, by which a delivery is known as one for this
	// connector.
	Headers []string `json:"headers,omitempty"`
	// OptionsSchema is a JSON Schema (2020-12) of a trigger's options; nil when it
	// takes none.
	OptionsSchema json.RawMessage `json:"options_schema,omitempty"`
}

// ConnectorProcess is how the processes of a connector stand, and what has become of
// them since the host began.
type ConnectorProcess struct {
	Name string
	Up   bool
	// Broken says that the last launch failed, or that launches are refused for a while
	// after crashes.
	Broken bool
	// Users are the calls that use them now.
	Users int
	// Launches came up, Failures did not, and Crashes ended without being asked to.
	Launches, Failures, Crashes int64
}

// ActionInfo is one thing a connector can do.
type ActionInfo struct {
	Name string `json:"name"`
	Help string `json:"help,omitempty"`
	// ConfigSchema is a JSON Schema (2020-12) of the step's config.
	ConfigSchema json.RawMessage `json:"config_schema"`
	Outputs      []ConnectorNeed `json:"outputs,omitempty"`
	// ImpliedBy fits the configs of steps that name no action but mean this one.
	ImpliedBy []KeyPattern `json:"implied_by,omitempty"`
}

// KeyPattern fits a config that has all the keys that are Present here and none that
// are Absent, in its outermost object; a key whose value is null is absent.
type KeyPattern struct {
	Present []string `json:"present,omitempty"`
	Absent  []string `json:"absent,omitempty"`
}

// ConnectorNeed names an output or a secret with a line of help.
type ConnectorNeed struct {
	Name     string `json:"name"`
	Help     string `json:"help,omitempty"`
	Required bool   `json:"required,omitempty"`
}

// Action returns the named action, the first one for "", or nil.
func (c *ConnectorInfo) Action(name string) *ActionInfo {
	for i := range c.Actions {
		if name == "" || c.Actions[i].Name == name {
			return &c.Actions[i]
		}
	}
	return nil
}

// ImpliedAction returns the action that a step means which names none: the first that is
// implied by its config, of which has tells the keys, else the first of all; nil when
// there are none.
func (c *ConnectorInfo) ImpliedAction(has func(key string) bool) *ActionInfo {
	for i := range c.Actions {
		if slices.ContainsFunc(c.Actions[i].ImpliedBy, func(k KeyPattern) bool { return k.fits(has) }) {
			return &c.Actions[i]
		}
	}
	return c.Action("")
}

func (k KeyPattern) fits(has func(key string) bool) bool {
	lacks := func(key string) bool { return !has(key) }
	return !slices.ContainsFunc(k.Present, lacks) && !slices.ContainsFunc(k.Absent, has)
}
