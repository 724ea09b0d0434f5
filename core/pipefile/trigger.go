package pipefile

import (
	"fmt"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/patchbay-ci/patchbay/core"
)

var (
	triggerKeys       = []string{"trigger_type", "config"}
	triggerConfigKeys = []string{"webhook_url", "cron_expression", "timezone", "branch_patterns", "tag_patterns", "repository", "events",
		"missed", "missed_within", "paths", "ignore_paths", "connector", "secret", "allow_unsigned", "allow_forks", "options"}
)

// maxTriggers is how many triggers a pipeline may have.
const maxTriggers = 100

// triggers reads a list of triggers; a single mapping is a list of one.
func (o *object) triggers() []core.Trigger {
	e := o.field("triggers")
	if e == nil {
		return nil
	}
	list := e.value.list
	if e.value.kind == kindMap {
		list = []*value{e.value}
	} else if e.value.kind != kindList {
		o.error(e.value.at, "triggers must be a list, this is "+e.value.describe(), "begin each with a dash: - trigger_type: …")
		return nil
	}
	if len(list) > maxTriggers {
		o.error(e.value.at, fmt.Sprintf("there are %d triggers; %d are the most", len(list), maxTriggers), "")
		return nil
	}
	var triggers []core.Trigger
	for _, item := range list {
		if t, ok := o.trigger(item); ok {
			triggers = append(triggers, t)
		}
	}
	return triggers
}

func (d *decoder) trigger(v *value) (core.Trigger, bool) {
	o, ok := d.object(v, "a trigger", triggerKeys)
	if !ok {
		return core.Trigger{}, false
	}
	t := core.Trigger{Type: core.TriggerType(o.text("trigger_type"))}
	var known []string
	for _, k := range core.TriggerTypes() {
		known = append(known, string(k))
	}
	if !contains(known, string(t.Type)) {
		message := fmt.Sprintf("there is no trigger_type %q", short(string(t.Type)))
		if t.Type == "" {
			message = "a trigger has no trigger_type"
		}
		d.error(v.fieldPosition("trigger_type", -1), message, suggest(string(t.Type), known, "trigger types"))
	}
	if e := o.field("config"); e != nil {
		t.Config = d.triggerConfig(t.Type, e.value)
	}
	if t.Type == core.TriggerSchedule && t.Config.CronExpression == "" {
		d.error(v.at, "a schedule needs a cron_expression", `add config: {cron_expression: "0 2 * * *"}`)
	}
	return t, true
}

func (d *decoder) triggerConfig(kind core.TriggerType, v *value) core.TriggerConfig {
	o, ok := d.object(v, "the config of a trigger", triggerConfigKeys)
	if !ok {
		return core.TriggerConfig{}
	}
	o.warnIdleKeys(kind)
	c := core.TriggerConfig{
		WebhookURL:     o.text("webhook_url"),
		CronExpression: o.text("cron_expression"),
		TimeZone:       o.text("timezone"),
		BranchPatterns: o.globs("branch_patterns"),
		TagPatterns:    o.globs("tag_patterns"),
		Repository:     o.repositoryGlob(),
		Events:         o.texts("events"),
		Missed:         core.MissedPolicy(o.oneOf("missed", string(core.MissedOnce), string(core.MissedSkip))),
		MissedWithin:   o.duration("missed_within"),
		Paths:          o.changedPaths("paths"),
		IgnorePaths:    o.changedPaths("ignore_paths"),
		AllowForks:     o.flag("allow_forks"),
	}
	if kind.Delivered() {
		o.delivery(&c)
	}
	o.checkMissed(c)
	if e := o.field("cron_expression"); e != nil && e.value.kind < kindList {
		if message, suggestion := checkCron(c.CronExpression); message != "" {
			o.error(e.value.at, "cron_expression: "+message, suggestion)
		}
	}
	if e := o.field("timezone"); e != nil && e.value.kind < kindList && !isTimeZone(c.TimeZone) {
		o.error(e.value.at, fmt.Sprintf("there is no time zone %q", short(c.TimeZone)), "write one like UTC or Europe/Berlin")
	}
	return c
}

// maxMissedWithin bounds how far back a server looks for what it has missed.
const maxMissedWithin = core.Duration(7 * 24 * time.Hour)

// checkMissed looks at what a schedule says of the times that nobody was there for.
func (o *object) checkMissed(c core.TriggerConfig) {
	within := o.field("missed_within")
	switch {
	case within == nil:
	case c.Missed == core.MissedSkip:
		o.error(within.value.at, "missed_within says nothing when missed times are skipped", "leave it out, or write missed: once")
	case c.MissedWithin > maxMissedWithin:
		o.error(within.value.at, "missed_within is longer than seven days", "write 168h or less")
	}
}

// globs returns a list of patterns that have been checked.
func (o *object) globs(key string) []string {
	patterns := o.texts(key)
	for i, pattern := range patterns {
		if !doublestar.ValidatePattern(pattern) {
			o.error(o.v.fieldPosition(key, i), fmt.Sprintf("%q is not a pattern", short(pattern)), "close the brackets, or escape them with a backslash")
		}
	}
	return patterns
}
