package notify

import (
	"net/url"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// describe says where a target is, without what must not be shown: of an address, its
// host alone, for its path may be a credential.
func describe(target core.NotificationTarget) string {
	switch target.Type {
	case core.TargetEmail:
		return short(target.Config["email"])
	case core.TargetSlack:
		if channel := target.Config["slack_channel"]; channel != "" {
			return short(channel)
		}
		return hostOf(target.Config[keyURL])
	case core.TargetWebhook:
		return hostOf(target.Config[keyURL])
	default:
		return "commit status"
	}
}

// hostOf returns the host of an address that is written out, and otherwise that it is
// a secret.
func hostOf(address string) string {
	rest, found := strings.CutPrefix(address, "https://")
	if !found {
		rest, found = strings.CutPrefix(address, "http://")
	}
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host = rest[:end]
	}
	if !found || strings.Contains(host, "$") {
		return "an address in a secret"
	}
	parsed, err := url.Parse("https://" + host)
	if err != nil || short(parsed.Host) == "" {
		return "an address that is none"
	}
	return short(parsed.Host)
}
