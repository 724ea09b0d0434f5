package notify

import (
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
)

// FuzzDescribe: nothing of an address but its host is shown, and that in one short line.
func FuzzDescribe(f *testing.F) {
	for _, seed := range []string{"/services/", "@host/", "?token=", "#", "\\", "//", "${", "%2f", "\n", ""} {
		f.Add("example.com"+seed, seed)
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		const secret = "SeCrEtOfAnAddress"
		for _, address := range []string{"https://" + host + "/" + path + secret, "http://u:" + secret + "@example.com/" + path,
			"https://example.com?" + secret, path + secret} {
			shown := describe(core.NotificationTarget{Type: core.TargetWebhook, Config: map[string]string{keyURL: address}})
			if strings.Contains(shown, secret) || strings.ContainsAny(shown, "\n\r\x1b") || len(shown) > maxError+10 || shown == "" {
				t.Errorf("%q is shown as %q", address, shown)
			}
		}
	})
}

// FuzzSlack: no value of a run becomes a mark of Slack's.
func FuzzSlack(f *testing.F) {
	f.Add("<!channel>", "${CI_REASON} ${{ branch }}")
	f.Add("&lt;${CI_BRANCH}", "x ${{ params.a }} $${A} ${")
	f.Fuzz(func(t *testing.T, value, text string) {
		if strings.ContainsAny(text, `<>\`) {
			return // the file itself may have marks, also as escapes
		}
		got, err := expand(text, slackSafe(condition.Variables{Branch: value, Env: map[string]string{"CI_REASON": value},
			Params: map[string]string{"a": value}}))
		if err == nil && strings.ContainsAny(got, "<>") {
			t.Errorf("%q of %q became %q", text, value, got)
		}
	})
}
