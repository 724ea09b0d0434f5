package pipefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// documented are the connectors that pipelines in use name, installed or not.
var documented = []string{"shell", "docker", "kubernetes", "aws", "azure", "gcp", "github", "gitlab"}

// connector looks a connector up, once a document. It is nil when there is none
// or no catalog; the error is that of the catalog unless there just is none.
func (d *decoder) connector(name string) (*core.ConnectorInfo, error) {
	if d.options.Catalog == nil {
		return nil, nil
	}
	if info, done := d.connectors[name]; done {
		return info, nil
	}
	info, err := d.options.Catalog.Connector(d.ctx, name)
	if err != nil {
		info = nil
		if core.CodeOf(err) != core.CodeNotFound {
			return nil, err
		}
	}
	d.connectors[name] = info
	return info, nil
}

// impliedAction is the action that a step's config means, which names none; empty for
// the connector's first, and when the connector is not known.
func (d *decoder) impliedAction(w *work) string {
	info, err := d.connector(w.connector)
	if err != nil || info == nil || len(info.Actions) == 0 {
		return ""
	}
	action := info.ImpliedAction(func(key string) bool {
		value := w.config.get(key)
		return value != nil && value.kind != kindNull
	})
	if action == &info.Actions[0] {
		return ""
	}
	w.action, w.actionAt = action.Name, w.typeAt
	return action.Name
}

// checkWork checks connector, action and config against the catalog. Problems name
// whose config it is.
func (d *decoder) checkWork(w *work, step string) {
	if d.options.Catalog == nil {
		return
	}
	info, err := d.connector(w.connector)
	switch {
	case err != nil:
		d.error(w.typeAt, fmt.Sprintf("the connector %s cannot be asked: %s", short(w.connector), publicText(err)), "see: patchbay plugin list")
	case info == nil:
		d.unknownConnector(w)
	case info.State == core.ConnectorBroken:
		d.error(w.typeAt, fmt.Sprintf("the %s connector is installed but broken: %s", info.Name, info.Reason), "see: patchbay plugin list")
	default:
		d.checkAction(w, info, step)
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// publicText is the part of an error that is meant for everybody.
func publicText(err error) string {
	var e *core.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "internal error"
}

func (d *decoder) unknownConnector(w *work) {
	if contains(documented, w.connector) {
		d.error(w.typeAt, fmt.Sprintf("the %s connector is not installed", w.connector),
			fmt.Sprintf("put patchbay-connector-%s in the plugin path", w.connector))
		return
	}
	known := append([]string{}, documented...)
	var installed []string
	for _, info := range d.options.Catalog.Connectors(d.ctx) {
		if installed = append(installed, info.Name); !contains(known, info.Name) {
			known = append(known, info.Name)
		}
	}
	suggestion := "put patchbay-connector-" + short(w.connector) + " in the plugin path; installed: " + strings.Join(installed, ", ")
	if len(installed) == 0 {
		suggestion = "no connector is installed; put some in the plugin path"
	}
	if best := core.Nearest(w.connector, known); best != "" {
		suggestion = "did you mean " + best + "?"
	}
	d.error(w.typeAt, fmt.Sprintf("there is no connector %q", short(w.connector)), suggestion)
}

func (d *decoder) checkAction(w *work, info *core.ConnectorInfo, step string) {
	action := info.Action(w.action)
	if action == nil {
		known := make([]string, len(info.Actions))
		for i := range info.Actions {
			known[i] = info.Actions[i].Name
		}
		at := w.actionAt
		if at.line == 0 {
			at = w.typeAt
		}
		d.error(at, fmt.Sprintf("the %s connector has no action %q", info.Name, short(w.action)), suggest(w.action, known, "actions"))
		return
	}
	s, err := d.schemas.get(info, action)
	if err != nil {
		d.error(w.typeAt, fmt.Sprintf("the %s connector has a broken schema for its action %s: %v", info.Name, action.Name, firstLine(err)), "ask the connector's author, or install another version")
		return
	}
	for _, problem := range s.Validate(w.config.instance()) {
		d.reportConfig(w, step, problem)
	}
}
