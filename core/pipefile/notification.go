package pipefile

import (
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
)

var (
	notificationKeys = []string{"on_start", "on_success", "on_failure"}
	targetKeys       = []string{"target_type", "config"}
	targetTypes      = []string{"email", "slack", "webhook", "github"}
	targetConfigKeys = []string{"email", "webhook_url", "slack_channel", "slack_token", "github_status"}
)

func (o *object) notifications() *core.Notifications {
	e := o.field("notifications")
	if e == nil {
		return nil
	}
	n, ok := o.object(e.value, "notifications", notificationKeys)
	if !ok {
		return nil
	}
	o.keptAt("notifications", "notifications", e.keyAt)
	return &core.Notifications{OnStart: n.targets("on_start"), OnSuccess: n.targets("on_success"), OnFailure: n.targets("on_failure")}
}

func (o *object) targets(key string) []core.NotificationTarget {
	e := o.field(key)
	if e == nil {
		return nil
	}
	list := e.value.list
	if e.value.kind == kindMap {
		list = []*value{e.value}
	} else if e.value.kind != kindList {
		o.error(e.value.at, fmt.Sprintf("%s must be a list, this is %s", key, e.value.describe()), "begin each with a dash: - target_type: …")
		return nil
	}
	var targets []core.NotificationTarget
	for _, item := range list {
		t, ok := o.object(item, "a notification", targetKeys)
		if !ok {
			continue
		}
		target := core.NotificationTarget{Type: t.text("target_type")}
		if !contains(targetTypes, target.Type) {
			o.error(item.fieldPosition("target_type", -1), fmt.Sprintf("there is no target_type %q", short(target.Type)),
				suggest(target.Type, targetTypes, "target types"))
		}
		if config := t.field("config"); config != nil {
			target.Config = o.targetConfig(config.value)
		}
		targets = append(targets, target)
	}
	return targets
}

// targetConfig keeps texts as they are and everything else as JSON.
func (d *decoder) targetConfig(v *value) map[string]string {
	o, ok := d.object(v, "the config of a notification", targetConfigKeys)
	if !ok {
		return nil
	}
	config := make(map[string]string, len(o.v.entries))
	for _, e := range o.v.entries {
		if e.value.kind >= kindList {
			config[e.key] = string(e.value.appendJSON(nil))
		} else {
			config[e.key] = e.value.environmentText()
		}
	}
	return config
}
