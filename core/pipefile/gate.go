package pipefile

import (
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

var (
	concurrencyKeys = []string{"group", "cancel_in_progress"}
	whenKeys        = []string{"paths", "changes", "ignore_paths", "branches", "tags", "events"}
	approvalKeys    = []string{"message", "approvers", "timeout"}
)

// concurrency reads a group: its name alone, or a mapping.
func (o *object) concurrency() *core.Concurrency {
	e := o.field("concurrency")
	if e == nil {
		return nil
	}
	if e.value.kind < kindList {
		o.template(e.value, 0, inGroup)
		return &core.Concurrency{Group: o.groupName(e.value)}
	}
	c, ok := o.object(e.value, "concurrency", concurrencyKeys)
	if !ok {
		return nil
	}
	group := c.field("group")
	if group == nil {
		o.error(e.value.at, "concurrency has no group", "add group: <name>; one at a time of a group runs")
		return nil
	}
	c.templates("group", inGroup)
	c.text("group") // Reports a list or a mapping.
	return &core.Concurrency{Group: o.groupName(group.value), CancelInProgress: c.flag("cancel_in_progress")}
}

func (d *decoder) groupName(v *value) string {
	if v.kind < kindList && (strings.TrimSpace(v.text) == "" || len(v.text) > maxName) {
		d.error(v.at, fmt.Sprintf("the name of a group has 1 to %d bytes, this one has %d", maxName, len(strings.TrimSpace(v.text))), "")
	}
	return v.text
}

// when reads what narrows a stage or a step: globs of paths, or a mapping.
func (o *object) when() *core.When {
	e := o.field("when")
	if e == nil {
		return nil
	}
	w := &core.When{}
	if e.value.kind != kindMap {
		w.Paths = o.changedPaths("when")
	} else {
		narrow, _ := o.object(e.value, "when", whenKeys)
		if changes := narrow.field("changes"); changes != nil && narrow.field("paths") != nil {
			o.error(changes.keyAt, "paths and changes are the same, and both are here", "keep one of them")
		}
		w.Paths = append(narrow.changedPaths("paths"), narrow.changedPaths("changes")...)
		w.IgnorePaths = narrow.changedPaths("ignore_paths")
		w.Branches, w.Tags, w.Events = narrow.globs("branches"), narrow.globs("tags"), narrow.events()
	}
	if len(w.Paths)+len(w.IgnorePaths)+len(w.Branches)+len(w.Tags)+len(w.Events) == 0 {
		o.error(e.value.at, "when says nothing", "give the paths, branches, tags or events that it is for, or remove it")
	}
	return w
}

// changedPaths returns globs for files as a repository names them.
func (o *object) changedPaths(key string) []string {
	paths := o.globs(key)
	for i, path := range paths {
		at := o.v.fieldPosition(key, i)
		switch {
		case strings.HasPrefix(path, "!"):
			o.error(at, fmt.Sprintf("%s: a path cannot begin with !", short(path)), "name it under ignore_paths")
		case strings.HasPrefix(path, "/") || strings.HasPrefix(path, "./"):
			o.error(at, fmt.Sprintf("%s: no changed file is called that", short(path)), "paths are relative to the repository: "+short(strings.TrimLeft(path, "./")))
		case path == "":
			o.error(at, "a path is empty", "write a pattern like src/**")
		}
	}
	return paths
}

// events returns trigger types, or globs for them.
func (o *object) events() []string {
	var known []string
	for _, t := range core.TriggerTypes() {
		known = append(known, string(t))
	}
	events := o.globs("events")
	for i, event := range events {
		if !strings.ContainsAny(event, "*?[{") && !contains(known, event) {
			o.error(o.v.fieldPosition("events", i), fmt.Sprintf("there is no event %q", short(event)), suggest(event, known, "events"))
		}
	}
	return events
}

// approval reads the question to a person: true, its text, or a mapping.
func (o *object) approval() *core.ApprovalSpec {
	e := o.field("approval")
	if e == nil {
		return nil
	}
	switch {
	case e.value.kind == kindBool && strings.EqualFold(e.value.text, "false"):
		return nil
	case e.value.kind == kindBool:
		return &core.ApprovalSpec{}
	case e.value.kind < kindList:
		return &core.ApprovalSpec{Message: e.value.text}
	}
	a, ok := o.object(e.value, "approval", approvalKeys)
	if !ok {
		return nil
	}
	spec := &core.ApprovalSpec{Message: a.text("message"), Approvers: a.texts("approvers"), Timeout: a.timeout()}
	for i, name := range spec.Approvers {
		if strings.TrimSpace(name) == "" {
			o.error(e.value.fieldPosition("approvers", i), "the name of an approver is empty", "remove it")
		}
	}
	return spec
}
