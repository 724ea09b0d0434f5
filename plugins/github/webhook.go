package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/url"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The headers of a delivery, in lower case; see
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
const (
	eventHeader     = "x-github-event"
	deliveryHeader  = "x-github-delivery"
	signatureHeader = "x-hub-signature-256"
	oldSignature    = "x-hub-signature"
)

// ParseWebhook implements sdk.WebhookParser.
func (c *connector) ParseWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.Webhook, error) {
	if err := verify(r); err != nil {
		return sdk.Webhook{}, err
	}
	payload, err := payloadOf(r)
	if err != nil {
		return sdk.Webhook{}, err
	}
	name := r.Headers[eventHeader]
	if name == "" {
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassInvalidConfig, "the header X-GitHub-Event is missing, so this is no delivery of GitHub's")
	}
	webhook, err := read(name, payload)
	webhook.DeliveryID = r.Headers[deliveryHeader]
	return webhook, err
}

// verify checks the signature, in constant time.
func verify(r sdk.WebhookRequest) error {
	if r.Secret == "" {
		return nil
	}
	refuse := func(message, suggestion string) error {
		return &sdk.Error{Class: sdk.ClassAuthentication, Message: message, Suggestion: suggestion}
	}
	given, found := strings.CutPrefix(r.Headers[signatureHeader], "sha256=")
	if !found {
		if r.Headers[oldSignature] != "" {
			return refuse("the delivery is only signed with SHA-1", "send X-Hub-Signature-256, too; GitHub and GitHub Enterprise Server from 2.23 on do")
		}
		return refuse("the delivery is not signed", "give the webhook at GitHub the same secret")
	}
	signature, err := hex.DecodeString(given)
	mac := hmac.New(sha256.New, []byte(r.Secret))
	mac.Write(r.Body)
	if err != nil || !hmac.Equal(mac.Sum(nil), signature) {
		return refuse("the signature is not right", "give the webhook at GitHub the same secret; a proxy in between must not change the body")
	}
	return nil
}

// payloadOf returns the JSON of a delivery, also of one that was sent as a form.
func payloadOf(r sdk.WebhookRequest) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Headers["content-type"])
	if err != nil {
		kind = r.Headers["content-type"]
	}
	switch kind {
	case "application/json", "":
		return r.Body, nil
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(r.Body))
		if err != nil || !form.Has("payload") {
			return nil, sdk.Errorf(sdk.ClassInvalidConfig, "the form has no field payload")
		}
		return []byte(form.Get("payload")), nil
	}
	return nil, sdk.Errorf(sdk.ClassInvalidConfig, "the content type %.60q is not one that GitHub sends: choose application/json", kind)
}

// read makes of a payload what it says.
func read(name string, payload []byte) (sdk.Webhook, error) {
	switch name {
	case "push":
		return decode(name, payload, (*push).webhook)
	case "pull_request":
		return decode(name, payload, (*pullRequest).webhook)
	case "release":
		return decode(name, payload, (*release).webhook)
	case "ping":
		return decode(name, payload, (*ping).webhook)
	case "create":
		return decode(name, payload, (*created).webhook)
	case "delete":
		return decode(name, payload, (*deleted).webhook)
	}
	webhook, err := decode(name, payload, (*other).webhook)
	webhook.Event = strings.TrimSuffix(name+"."+webhook.Event, ".")
	if err == nil {
		webhook.Ignored = "the event " + webhook.Event + ` starts nothing unless a trigger names it: events: ["` + webhook.Event + `"]`
	}
	return webhook, err
}

// decode reads the fields of T.
func decode[T any](name string, payload []byte, webhook func(*T) sdk.Webhook) (sdk.Webhook, error) {
	var fields T
	if err := json.Unmarshal(payload, &fields); err != nil {
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassInvalidConfig, "the payload is not that of a %.60s event: %w", name, err)
	}
	return webhook(&fields), nil
}
