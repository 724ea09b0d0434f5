package sdktest

import (
	"context"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// hooked is a good connector that reads deliveries.
type hooked struct {
	sdk.Connector
	answer error
	header string
}

func (h hooked) Info() sdk.Info {
	info := h.Connector.Info()
	info.Webhook.Headers = []string{h.header}
	return info
}

func (h hooked) ParseWebhook(context.Context, sdk.WebhookRequest) (sdk.Webhook, error) {
	return sdk.Webhook{Event: "push", Occurred: &sdk.WebhookEvent{Kind: sdk.EventPush}}, h.answer
}

func TestCheckWebhook(t *testing.T) {
	t.Parallel()
	good := sdk.Errorf(sdk.ClassAuthentication, "not signed")
	for name, c := range map[string]struct {
		answer       error
		header, says string
	}{
		"good":        {good, "x-acme-event", ""},
		"takes all":   {nil, "x-acme-event", "without a signature: got <nil>"},
		"wrong class": {sdk.Errorf(sdk.ClassInternal, "oops"), "x-acme-event", "want an error of class authentication"},
		"capitals":    {good, "X-Acme-Event", "lower case"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := InMemory(hooked{newMachine(""), c.answer, c.header})
			defer target.Close()
			for _, check := range checks() {
				if check.name != "webhook" {
					continue
				}
				reports := check.reports(t.Context(), target, Options{Patience: 10 * time.Second}.withDefaults())
				if c.says != "" {
					wantFailure(t, reports, c.says)
				} else if len(reports) != 1 || reports[0].Status != Passed {
					t.Errorf("%+v", reports)
				}
			}
		})
	}
}
