package main

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

const secret = "a secret"

var now = time.Unix(1_700_000_000, 0)

func newTestConnector() *connector {
	c := newConnector()
	c.now = func() time.Time { return now }
	return c
}

// delivery is one that was signed some time ago; id may be empty.
func delivery(body, id string, age time.Duration) sdk.WebhookRequest {
	at := strconv.FormatInt(now.Add(-age).Unix(), 10)
	headers := map[string]string{"content-type": "application/json", timestampHeader: at,
		signatureHeader: "sha256=" + hex.EncodeToString(sign(secret, at, id, []byte(body)))}
	if id != "" {
		headers[deliveryHeader] = id
	}
	return sdk.WebhookRequest{Headers: headers, Body: []byte(body), Secret: secret}
}

// TestSignature is what README.md shows, so that it stays true.
func TestSignature(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString(sign("a secret", "1700000000", "", []byte(`{"branch":"main"}`))); got != readmeSignature {
		t.Error(got)
	}
}

func TestMapping(t *testing.T) {
	t.Parallel()
	plain := `{"event":"deploy","repository":"acme/site","branch":"refs/heads/main","commit":"abc","message":"one\ntwo","author":"ann","changed_paths":["a","b"]}`
	nested := `{"type":"released","data":{"tags":["refs/tags/v1"],"sha":"abc","n":12345678901234567890,"a/b":{"c~d":true}},"repository":{"name":"site"}}`
	for name, c := range map[string]struct {
		body, options string
		want          sdk.Webhook
	}{
		"defaults": {plain, "", sdk.Webhook{Event: "deploy", Occurred: &sdk.WebhookEvent{Kind: sdk.EventPush, Repository: "acme/site", Branch: "main",
			Commit: "abc", Title: "one", Message: "one\ntwo", Author: "ann", ChangedPaths: []string{"a", "b"}, ChangedPathsKnown: true}}},
		"pointers": {nested, `{"mapping":{"event":"/type","tag":"/data/tags/0","commit":"/data/sha"},"variables":{"N":"/data/n","C":"/data/a~1b/c~0d","MISSING":"/x/y"}}`,
			sdk.Webhook{Event: "released", Occurred: &sdk.WebhookEvent{Kind: sdk.EventTag, Tag: "v1", Commit: "abc",
				Variables: map[string]string{"N": "12345678901234567890", "C": "true", "MISSING": ""}}}},
		"a tag as a branch": {`{"branch":"refs/tags/v1"}`, "", sdk.Webhook{Event: "tag", Occurred: &sdk.WebhookEvent{Kind: sdk.EventTag, Tag: "v1"}}},
		"nothing":           {`{}`, "", sdk.Webhook{Event: "other", Occurred: &sdk.WebhookEvent{Kind: sdk.EventOther}}},
		"its own ID":        {`{"delivery_id":7}`, "", sdk.Webhook{DeliveryID: "7", Event: "other", Occurred: &sdk.WebhookEvent{Kind: sdk.EventOther}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery(c.body, "id-1", 0)
			r.Config = json.RawMessage(c.options)
			if c.want.DeliveryID == "" {
				c.want.DeliveryID = "id-1"
			}
			got, err := newTestConnector().ParseWebhook(t.Context(), r)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(r *sdk.WebhookRequest)
		class  sdk.ErrorClass
	}{
		"no signature":       {func(r *sdk.WebhookRequest) { delete(r.Headers, signatureHeader) }, sdk.ClassAuthentication},
		"another secret":     {func(r *sdk.WebhookRequest) { r.Secret = "other" }, sdk.ClassAuthentication},
		"changed body":       {func(r *sdk.WebhookRequest) { r.Body = []byte(`{"branch":"other"}`) }, sdk.ClassAuthentication},
		"changed time":       {func(r *sdk.WebhookRequest) { r.Headers[timestampHeader] = "1700000001" }, sdk.ClassAuthentication},
		"changed ID":         {func(r *sdk.WebhookRequest) { r.Headers[deliveryHeader] = "other" }, sdk.ClassAuthentication},
		"no ID":              {func(r *sdk.WebhookRequest) { delete(r.Headers, deliveryHeader) }, sdk.ClassAuthentication},
		"old":                {func(r *sdk.WebhookRequest) { *r = delivery(`{}`, "", 301*time.Second) }, sdk.ClassAuthentication},
		"of tomorrow":        {func(r *sdk.WebhookRequest) { *r = delivery(`{}`, "", -24*time.Hour) }, sdk.ClassAuthentication},
		"an ID with a quote": {func(r *sdk.WebhookRequest) { *r = delivery(`{}`, `a"`, 0) }, sdk.ClassInvalidConfig},
		"a list":             {func(r *sdk.WebhookRequest) { *r = delivery(`[]`, "", 0) }, sdk.ClassInvalidConfig},
		"null":               {func(r *sdk.WebhookRequest) { *r = delivery(`null`, "", 0) }, sdk.ClassInvalidConfig},
		"two objects":        {func(r *sdk.WebhookRequest) { *r = delivery(`{}{}`, "", 0) }, sdk.ClassInvalidConfig},
		"a form":             {func(r *sdk.WebhookRequest) { r.Headers["content-type"] = "application/x-www-form-urlencoded" }, sdk.ClassInvalidConfig},
		"no pointer":         {func(r *sdk.WebhookRequest) { r.Config = json.RawMessage(`{"mapping":{"branch":"ref"}}`) }, sdk.ClassInvalidConfig},
		"an object as text":  {func(r *sdk.WebhookRequest) { r.Config = json.RawMessage(`{"mapping":{"branch":"/o"}}`) }, sdk.ClassInvalidConfig},
		"unknown option":     {func(r *sdk.WebhookRequest) { r.Config = json.RawMessage(`{"maping":{}}`) }, sdk.ClassInvalidConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery(`{"branch":"main","o":{}}`, "id-1", 0)
			c.change(&r)
			if got, err := newTestConnector().ParseWebhook(t.Context(), r); sdk.ClassOf(err) != c.class {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}

// TestReplay: whoever has seen a delivery cannot make another one of it.
func TestReplay(t *testing.T) {
	t.Parallel()
	c := newTestConnector()
	id := func(r sdk.WebhookRequest) string {
		t.Helper()
		w, err := c.ParseWebhook(t.Context(), r)
		if err != nil || w.DeliveryID == "" {
			t.Fatalf("%v, %+v", err, w)
		}
		return w.DeliveryID
	}
	plain := delivery(`{}`, "", time.Minute)
	replayed := plain
	replayed.Headers = maps.Clone(plain.Headers)
	replayed.Headers[deliveryHeader] = "fresh" // not signed
	if id(plain) != id(replayed) {
		t.Error("an ID that nobody signed was taken")
	}
	if id(plain) == id(delivery(`{}`, "", 2*time.Minute)) {
		t.Error("two deliveries have one ID")
	}
	if id(delivery(`{}`, "same", time.Minute)) != id(delivery(`{}`, "same", 0)) {
		t.Error("a second try has another ID")
	}
	// What was signed with an ID is none without, nor the other way round.
	at := plain.Headers[timestampHeader]
	joined := sdk.WebhookRequest{Secret: secret, Body: []byte(`x.{}`), Headers: map[string]string{timestampHeader: at,
		signatureHeader: "sha256=" + hex.EncodeToString(sign(secret, at, "x", []byte(`{}`)))}}
	if _, err := c.ParseWebhook(t.Context(), joined); err == nil {
		t.Error("an ID became a body")
	}
}

// TestUnsigned: without a secret, anything that can be read is taken.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	got, err := newTestConnector().ParseWebhook(t.Context(), sdk.WebhookRequest{Body: []byte(`{"branch":"main"}`), Headers: map[string]string{eventHeader: "hello"}})
	if err != nil || got.Event != "hello" || got.Occurred.Branch != "main" {
		t.Errorf("%v, %+v", err, got)
	}
}

func FuzzParseWebhook(f *testing.F) {
	f.Add(`{"branch":"main","list":[1,{"a":null}]}`, "/list/1/a", "id")
	f.Add(`{"branch":["x"]}`, "/branch/0", "")
	f.Add(strings.Repeat(`{"a":`, 100)+"1"+strings.Repeat("}", 100), "/a/a/a", "x")
	c := newTestConnector()
	f.Fuzz(func(t *testing.T, body, pointer, id string) {
		r := delivery(body, id, 0)
		options, err := json.Marshal(map[string]any{"mapping": map[string]string{"branch": pointer, "changed_paths": pointer}})
		if err != nil {
			return
		}
		r.Config = options
		if _, err := c.ParseWebhook(t.Context(), r); err != nil && sdk.ClassOf(err) != sdk.ClassInvalidConfig {
			t.Fatal(err)
		}
		r.Secret = "other"
		if _, err := c.ParseWebhook(t.Context(), r); err == nil {
			t.Fatal("another secret was taken")
		}
	})
}
