package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// checkWebhook sends what nobody has signed: all of it must be refused, whatever it
// says, with one of the two classes that the host knows what to do with.
func checkWebhook(ctx context.Context, k *kit, _ *Case) error {
	if !k.info.Has(sdk.CapabilityParseWebhook) {
		return skip("it reads no deliveries")
	}
	var wrong []error
	for _, header := range k.info.Webhook.Headers {
		if header == "" || header != strings.ToLower(header) {
			wrong = append(wrong, fmt.Errorf("the webhook header %q is not a name in lower case", header))
		}
	}
	if options := k.info.Webhook.OptionsSchema; len(options) > 0 {
		if _, err := schema.Compile(options); err != nil {
			wrong = append(wrong, fmt.Errorf("the schema of a trigger's options: %w", err))
		}
	}
	for _, kind := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/plain"} {
		for _, body := range [][]byte{nil, []byte("{}"), []byte("{"), []byte("payload=%7B%7D"), []byte("\x00\xff"), bytes.Repeat([]byte("["), 1<<20)} {
			headers := map[string]string{"content-type": kind}
			for _, header := range k.info.Webhook.Headers {
				headers[header] = "push"
			}
			_, err := k.client.ParseWebhook(ctx, sdk.WebhookRequest{Headers: headers, Body: body, Secret: "a secret of the kit"})
			if class := sdk.ClassOf(err); class != sdk.ClassAuthentication && class != sdk.ClassInvalidConfig || errors.Is(err, sdk.ErrGone) {
				wrong = append(wrong, fmt.Errorf("a delivery of %d bytes (%q) without a signature: got %v, want an error of class authentication or invalid_config",
					len(body), kind, err))
			}
		}
	}
	return errors.Join(wrong...)
}
