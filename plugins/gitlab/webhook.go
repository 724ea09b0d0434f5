package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The headers of a delivery, in lower case; see
// https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers
const (
	eventHeader = "x-gitlab-event"
	tokenHeader = "x-gitlab-token"
	// retryHeader stays the same when GitLab tries again; older versions only have the
	// ID of the event, which deliveries that it leads to have in common.
	retryHeader   = "idempotency-key"
	eventIDHeader = "x-gitlab-event-uuid"
)

// ParseWebhook implements sdk.WebhookParser.
func (c *connector) ParseWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.Webhook, error) {
	if err := verify(r); err != nil {
		return sdk.Webhook{}, err
	}
	if r.Headers[eventHeader] == "" {
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassInvalidConfig, "the header X-Gitlab-Event is missing, so this is no delivery of GitLab's")
	}
	webhook, err := read(r.Body)
	webhook.DeliveryID = deliveryID(r)
	return webhook, err
}

// verify compares the token, in constant time also when the lengths differ.
func verify(r sdk.WebhookRequest) error {
	if r.Secret == "" {
		return nil
	}
	given := r.Headers[tokenHeader]
	if given == "" {
		return &sdk.Error{Class: sdk.ClassAuthentication, Message: "the delivery has no token", Suggestion: "give the webhook at GitLab the same secret token"}
	}
	want, got := sha256.Sum256([]byte(r.Secret)), sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return &sdk.Error{Class: sdk.ClassAuthentication, Message: "the token is not right", Suggestion: "give the webhook at GitLab the same secret token"}
	}
	return nil
}

// deliveryID is the same for each try at one delivery, and no other's.
func deliveryID(r sdk.WebhookRequest) string {
	if key := r.Headers[retryHeader]; key != "" {
		return key
	}
	id := r.Headers[eventIDHeader]
	if id == "" {
		return ""
	}
	sum := sha256.Sum256(r.Body)
	return id + "-" + hex.EncodeToString(sum[:8])
}

// read makes of a payload what it says. Hooks of projects and groups name their kind in
// object_kind, those of the system some of theirs in event_name.
func read(payload []byte) (sdk.Webhook, error) {
	var kind struct {
		ObjectKind string `json:"object_kind"`
		EventName  string `json:"event_name"`
	}
	if err := json.Unmarshal(payload, &kind); err != nil {
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassInvalidConfig, "the payload is not JSON of GitLab's: %w", err)
	}
	name := kind.ObjectKind
	if name == "" {
		name = kind.EventName
	}
	switch name {
	case "push":
		return decode(name, payload, (*push).webhook)
	case "tag_push":
		return decode(name, payload, (*push).webhook)
	case "merge_request":
		return decode(name, payload, (*mergeRequest).webhook)
	case "release":
		return decode(name, payload, (*release).webhook)
	case "":
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassInvalidConfig, "the payload has neither object_kind nor event_name, so it is none of GitLab's")
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
