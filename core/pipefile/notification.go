package pipefile

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

var (
	notificationKeys = []string{"on_start", "on_success", "on_failure", "on_cancel", "on_finish"}
	targetKeys       = []string{"target_type", "config"}
	targetTypes      = []string{core.TargetEmail, core.TargetSlack, core.TargetWebhook, "github", "gitlab"}
	targetConfigKeys = []string{"email", "webhook_url", "webhook_secret", "slack_channel", "slack_token", "github_status", "subject", "message"}
)

// keysOf are the keys of a config that mean something for a target; those of a forge are
// what is left over.
var keysOf = map[string][]string{
	core.TargetEmail:   {"email", "subject", "message"},
	core.TargetSlack:   {"webhook_url", "slack_channel", "slack_token", "message"},
	core.TargetWebhook: {"webhook_url", "webhook_secret", "message"},
	"":                 {"github_status", "message"},
}

// credentials are the keys that secrets are for.
var credentials = []string{"webhook_url", "webhook_secret", "slack_token"}

// maxTargets is how many targets a list may have.
const maxTargets = 20

// reportStatus is the capability of connectors that report the status of commits.
const reportStatus = "report_status"

func (o *object) notifications() *core.Notifications {
	e := o.field("notifications")
	if e == nil {
		return nil
	}
	n, ok := o.object(e.value, "notifications", notificationKeys)
	if !ok {
		return nil
	}
	return &core.Notifications{OnStart: n.targets("on_start"), OnSuccess: n.targets("on_success"), OnFailure: n.targets("on_failure"),
		OnCancel: n.targets("on_cancel"), OnFinish: n.targets("on_finish")}
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
	if len(list) > maxTargets {
		o.error(list[maxTargets].at, fmt.Sprintf("%s has %d targets; %d is the most", key, len(list), maxTargets), "send one to a program that tells the others")
		return nil
	}
	var targets []core.NotificationTarget
	for _, item := range list {
		if t, ok := o.object(item, "a notification", targetKeys); ok {
			targets = append(targets, t.target())
		}
	}
	return targets
}

func (o *object) target() core.NotificationTarget {
	target := core.NotificationTarget{Type: o.text("target_type"), Config: map[string]string{}}
	o.checkTargetType(target.Type)
	config := o.field("config")
	if config == nil {
		config = &entry{value: &value{kind: kindNull, at: o.v.at}}
	}
	c, ok := o.object(config.value, "the config of a notification", targetConfigKeys)
	if !ok {
		return target
	}
	allowed := keysOf[target.Type]
	if allowed == nil {
		allowed = keysOf[""]
	}
	for _, e := range c.v.entries {
		switch {
		case e.value.kind == kindNull:
			continue
		case e.value.kind >= kindList && contains(targetConfigKeys, e.key):
			o.error(e.value.at, fmt.Sprintf("%s must be a text, this is %s", e.key, e.value.describe()), "")
			continue
		case target.Type != "" && contains(targetConfigKeys, e.key) && !contains(allowed, e.key):
			o.warn(e.keyAt, fmt.Sprintf("%s does nothing for a target of type %s", e.key, short(target.Type)), "known keys: "+strings.Join(allowed, ", "))
		}
		target.Config[e.key] = e.value.environmentText()
		c.checkTargetText(e)
	}
	c.checkTarget(target, config.value.at)
	return target
}

// checkTargetType also takes the name of any connector that reports the status of
// commits.
func (o *object) checkTargetType(name string) {
	at := o.v.fieldPosition("target_type", -1)
	if contains(targetTypes[:3], name) {
		return
	}
	var info *core.ConnectorInfo
	if name != "" && o.options.Catalog != nil {
		info, _ = o.options.Catalog.Connector(o.ctx, name)
	}
	switch {
	case info != nil && contains(targetTypes, name) && !slices.Contains(info.Capabilities, reportStatus):
		o.warn(at, fmt.Sprintf("the connector %s that is installed cannot report the status of commits", name), "install a newer one")
	case info != nil && info.State != core.ConnectorBroken && !slices.Contains(info.Capabilities, reportStatus):
		o.error(at, fmt.Sprintf("the connector %s cannot report the status of commits", short(name)), "target types: "+strings.Join(targetTypes, ", "))
	case info != nil:
	case contains(targetTypes, name):
		if o.options.Catalog != nil {
			o.warn(at, fmt.Sprintf("there is no connector %s here: the status will not be reported", name), "install it, or look at patchbay plugin list")
		}
	case name == "":
		o.error(at, "a notification has no target_type", "target types: "+strings.Join(targetTypes, ", "))
	default:
		o.error(at, fmt.Sprintf("there is no target_type %q", short(name)), suggest(name, targetTypes, "target types"))
	}
}

var (
	// named is a secret's name by its looks.
	named = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	// slackHook is the path of an incoming webhook, which is a credential.
	slackHook = regexp.MustCompile(`^https?://hooks\.slack\.com/services/`)
)

// checkTargetText checks one text of a config, and warns of credentials in the file.
func (o *object) checkTargetText(e entry) {
	text, secret := e.value.environmentText(), contains(credentials, e.key)
	usage := inMessage
	if secret {
		usage = inCredential
	}
	o.template(e.value, 0, usage)
	if strings.Contains(text, "${") {
		return
	}
	name := strings.ToUpper(e.key)
	literal := secret && e.key != "webhook_url" && !named.MatchString(text)
	if literal || slackHook.MatchString(text) && e.key == "webhook_url" {
		o.warn(e.value.at, fmt.Sprintf("%s is written in the file, for everybody to read who can read the pipeline", e.key),
			fmt.Sprintf("patchbay secret set %s, and here: %s: ${{ secrets.%s }}", name, e.key, name))
	}
	switch parsed, err := url.Parse(text); {
	case e.key == "webhook_url" && (err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https"):
		o.error(e.value.at, "webhook_url is not an address", "write it as https://example.com/path")
	case e.key == "email":
		if _, err := mail.ParseAddressList(text); err != nil {
			o.error(e.value.at, fmt.Sprintf("%q is not a list of e-mail addresses", short(text)), "write it as ann@example.com, bob@example.com")
		}
	}
}

// checkTarget tells of a target that nothing can be sent to. That stops no pipeline: the
// notification will say the same.
func (o *object) checkTarget(target core.NotificationTarget, at position) {
	has := func(key string) bool { return target.Config[key] != "" }
	switch {
	case target.Type == core.TargetEmail && !has("email"):
		o.warn(at, "the notification has no email: it goes to nobody", "add config: {email: ann@example.com}")
	case target.Type == core.TargetWebhook && !has("webhook_url"):
		o.warn(at, "the notification has no webhook_url: it goes nowhere", "add config: {webhook_url: https://…}")
	case target.Type == core.TargetSlack && !has("webhook_url") && !(has("slack_token") && has("slack_channel")):
		o.warn(at, "Slack needs a webhook_url, or a slack_token and a slack_channel: the notification goes nowhere",
			"add config: {webhook_url: \"${{ secrets.SLACK_URL }}\"}")
	}
}
