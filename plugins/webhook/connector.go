package main

import (
	"context"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// secretName is what deliveries are signed with when the config names nothing else.
const secretName = "WEBHOOK_SECRET"

// connector reads and sends deliveries. It keeps nothing between calls.
type connector struct {
	*sdk.Actions
	options *sdk.Options[options]
	http    *http.Client
	now     func() time.Time
}

func newConnector() *connector {
	c := &connector{options: sdk.NewOptions[options](), now: time.Now,
		// A signature is for one address: whoever redirects gets none.
		http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "webhook", Version: version, Summary: "Webhooks of any sender, signed",
			Secrets: []sdk.SecretInfo{{Name: secretName, Help: "what deliveries are signed with"}},
			Webhook: sdk.WebhookInfo{Headers: []string{signatureHeader}, OptionsSchema: c.options.Schema()}},
		sdk.NewAction("send", "Send a signed delivery", c.send, sdk.WithOutput("status", "the HTTP status of the answer")),
	)
	return c
}

// ValidateConfig implements sdk.ConfigValidator.
func (c *connector) ValidateConfig(_ context.Context, r sdk.ValidateRequest) ([]sdk.Diagnostic, error) {
	return c.CheckConfig(r)
}
