package pipefile

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// What triggers of each type look at; webhook_url is for people and does nothing.
var (
	anyDelivery = []string{"webhook_url", "repository", "events", "connector", "secret", "allow_unsigned", "options"}
	usedKeys    = map[core.TriggerType][]string{
		core.TriggerSchedule:    {"cron_expression", "timezone", "missed", "missed_within"},
		core.TriggerWebhook:     append([]string{"branch_patterns", "tag_patterns", "paths", "ignore_paths", "allow_forks"}, anyDelivery...),
		core.TriggerGitPush:     append([]string{"branch_patterns", "paths", "ignore_paths"}, anyDelivery...),
		core.TriggerGitTag:      append([]string{"tag_patterns"}, anyDelivery...),
		core.TriggerPullRequest: append([]string{"branch_patterns", "paths", "ignore_paths", "allow_forks"}, anyDelivery...),
	}
)

// warnIdleKeys says which keys do nothing for a type of trigger.
func (o *object) warnIdleKeys(kind core.TriggerType) {
	used, known := usedKeys[kind]
	if !known {
		return
	}
	for _, e := range o.v.entries {
		if contains(triggerConfigKeys, e.key) && !contains(used, e.key) {
			o.warn(e.keyAt, fmt.Sprintf("%s does nothing for a %s trigger", e.key, kind), "it looks at: "+strings.Join(used, ", "))
		}
	}
}

// delivery reads how deliveries for a trigger are verified and read.
func (o *object) delivery(c *core.TriggerConfig) {
	c.Connector, c.Secret, c.AllowUnsigned = o.text("connector"), o.text("secret"), o.flag("allow_unsigned")
	if e := o.field("secret"); e != nil && e.value.kind < kindList {
		switch {
		case !secretForm.MatchString(c.Secret):
			o.error(e.value.at, fmt.Sprintf("%q is no name of a secret", short(c.Secret)),
				"write its name, not its value; set that with: patchbay secret set NAME")
		case c.AllowUnsigned:
			o.error(e.keyAt, "allow_unsigned takes deliveries from anybody, and secret is what they are signed with", "keep one of them")
		}
	}
	info := o.reader(c.Connector)
	e := o.field("options")
	switch {
	case e == nil:
	case e.value.kind != kindMap:
		o.error(e.value.at, "options must be a mapping, this is "+e.value.describe(), "write key: value, one a line")
	case c.Connector == "":
		o.error(e.keyAt, "options are a connector's own, and no connector is named", "add connector: webhook, or whose they are")
	default:
		c.Options = json.RawMessage(e.value.appendJSON(nil))
		if info != nil {
			o.checkOptions(e, info)
		}
	}
}

// reader looks the connector up that is to read deliveries; nil without a catalog.
func (o *object) reader(name string) *core.ConnectorInfo {
	e := o.field("connector")
	if e == nil || e.value.kind >= kindList || o.options.Catalog == nil {
		return nil
	}
	info, err := o.connector(name)
	switch {
	case err != nil:
		o.error(e.value.at, fmt.Sprintf("the connector %s cannot be asked: %s", short(name), publicText(err)), "see: patchbay plugin list")
	case info == nil:
		o.unknownConnector(&work{connector: name, typeAt: e.value.at})
	case info.State == core.ConnectorBroken:
		o.error(e.value.at, fmt.Sprintf("the %s connector is installed but broken: %s", info.Name, info.Reason), "see: patchbay plugin list")
	case info.Webhook == nil:
		o.error(e.value.at, fmt.Sprintf("the %s connector reads no deliveries", info.Name), "webhook reads those of any sender")
	default:
		return info
	}
	return nil
}

func (o *object) checkOptions(e *entry, info *core.ConnectorInfo) {
	if len(info.Webhook.OptionsSchema) == 0 {
		o.error(e.keyAt, fmt.Sprintf("the %s connector takes no options", info.Name), "leave them out")
		return
	}
	compiled, err := o.schemas.get(info, &core.ActionInfo{Name: "options of deliveries", ConfigSchema: info.Webhook.OptionsSchema})
	if err != nil {
		o.error(e.keyAt, fmt.Sprintf("the %s connector has a broken schema for its options: %v", info.Name, firstLine(err)), "ask the connector's author, or install another version")
		return
	}
	for _, problem := range compiled.Validate(e.value.instance()) {
		o.reportOption(e, problem)
	}
}

// reportOption puts a problem where it is.
func (o *object) reportOption(e *entry, problem schema.Problem) {
	path := splitPointer(problem.Pointer)
	what := strings.Join(append([]string{"options"}, path...), ".")
	if problem.Key {
		what = strings.Join(append([]string{"options"}, path[:len(path)-1]...), ".")
	}
	o.error(e.value.place(path, problem.Key, e.value.at), what+": "+problem.Message, problem.Suggestion)
}

// repositoryGlob reads owner/name, a glob of that, or an address.
func (o *object) repositoryGlob() string {
	repository := o.text("repository")
	if e := o.field("repository"); e != nil && e.value.kind < kindList && !doublestar.ValidatePattern(repository) {
		o.error(e.value.at, fmt.Sprintf("%q is not a pattern", short(repository)), "write owner/name, owner/* or the repository's address")
	}
	return repository
}
