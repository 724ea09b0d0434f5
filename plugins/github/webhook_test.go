package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

const secret = "It's a Secret to Everybody"

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// delivery is one as GitHub sends it.
func delivery(event, body string) sdk.WebhookRequest {
	return sdk.WebhookRequest{Secret: secret, Body: []byte(body), Headers: map[string]string{
		"content-type": "application/json", "x-github-event": event, "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		"x-hub-signature-256": signature(body)}}
}

func example(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestSignatureExample is the one that GitHub publishes for testing; see
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
func TestSignatureExample(t *testing.T) {
	t.Parallel()
	if got := signature("Hello, World!"); got != "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Error(got)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	base := sdk.WebhookEvent{Repository: "acme/site", RepositoryURL: "https://github.com/acme/site", Author: "octo"}
	event := func(change func(e *sdk.WebhookEvent)) *sdk.WebhookEvent {
		e := base
		e.Variables = map[string]string{}
		change(&e)
		return &e
	}
	for name, c := range map[string]struct {
		event, file string
		want        sdk.Webhook
	}{
		"push": {"push", "push", sdk.Webhook{Event: "push", Occurred: event(func(e *sdk.WebhookEvent) {
			e.Kind, e.Branch, e.Commit = sdk.EventPush, "main", "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"
			e.Title, e.Message = "second", "second\n\nwith a body"
			e.ChangedPaths, e.ChangedPathsKnown = []string{"src/a.go", "README.md", "old"}, true
			e.Variables["COMMIT_BEFORE"] = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
		})}},
		"annotated tag": {"push", "tag", sdk.Webhook{Event: "push", Occurred: event(func(e *sdk.WebhookEvent) {
			e.Kind, e.Tag, e.Commit = sdk.EventTag, "v1.0", "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"
			e.Title, e.Message = "second", "second"
		})}},
		"pull request of a fork": {"pull_request", "pull_request", sdk.Webhook{Event: "pull_request.synchronize", Occurred: event(func(e *sdk.WebhookEvent) {
			e.Kind, e.Branch, e.Commit, e.Title = sdk.EventPullRequest, "main", "ec26c3e57ca3a959ca5aad62de7213c562f8c821", "Better"
			e.PullRequest = &sdk.PullRequest{Number: 7, Action: "updated", SourceBranch: "better", SourceRepository: "octo/site"}
			e.Variables = map[string]string{"PULL_REQUEST_REF": "refs/pull/7/merge", "PULL_REQUEST_URL": "https://github.com/acme/site/pull/7",
				"PULL_REQUEST_BASE_SHA": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "PULL_REQUEST_DRAFT": "false"}
		})}},
		"release": {"release", "release", sdk.Webhook{Event: "release.published", Occurred: event(func(e *sdk.WebhookEvent) {
			e.Kind, e.Tag, e.Title = sdk.EventOther, "v1.0", "One"
			e.Variables = map[string]string{"RELEASE_NAME": "One", "RELEASE_URL": "https://github.com/acme/site/releases/tag/v1.0", "RELEASE_PRERELEASE": "false"}
		})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newConnector().ParseWebhook(t.Context(), delivery(c.event, example(t, c.file)))
			c.want.DeliveryID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// TestQuiet: what starts nothing, or only when a trigger names it, and why.
func TestQuiet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event, body, want, why string
		named                  bool
	}{
		{"ping", `{"zen":"Keep it logically awesome.","hook_id":1}`, "ping", "set up", false},
		{"push", `{"ref":"refs/heads/x","deleted":true,"after":"` + zero + `"}`, "push", "deleted", false},
		{"push", `{"ref":"refs/notes/x"}`, "push", "neither", false},
		{"delete", `{"ref":"x","ref_type":"tag"}`, "delete", "tag x was deleted", false},
		{"create", `{"ref":"v1","ref_type":"tag","repository":{"full_name":"a/b"}}`, "create", "push of the tag v1", true},
		{"pull_request", `{"action":"closed","number":1,"pull_request":{"merged":true}}`, "pull_request.closed", "merged", true},
		{"pull_request", `{"action":"labeled","number":1}`, "pull_request.labeled", "labeled", true},
		{"release", `{"action":"edited"}`, "release.edited", "published", true},
		{"issues", `{"action":"opened"}`, "issues.opened", `events: ["issues.opened"]`, true},
		{"fork", `{}`, "fork", `events: ["fork"]`, true},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			got, err := newConnector().ParseWebhook(t.Context(), delivery(c.event, c.body))
			if err != nil || got.Event != c.want || !strings.Contains(got.Ignored, c.why) || (got.Occurred != nil) != c.named {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	push := example(t, "push")
	for name, c := range map[string]struct {
		change func(r *sdk.WebhookRequest)
		class  sdk.ErrorClass
	}{
		"no signature":    {func(r *sdk.WebhookRequest) { delete(r.Headers, signatureHeader) }, sdk.ClassAuthentication},
		"SHA-1 only":      {func(r *sdk.WebhookRequest) { delete(r.Headers, signatureHeader); r.Headers[oldSignature] = "sha1=00" }, sdk.ClassAuthentication},
		"another secret":  {func(r *sdk.WebhookRequest) { r.Secret = "other" }, sdk.ClassAuthentication},
		"changed body":    {func(r *sdk.WebhookRequest) { r.Body = append(r.Body, ' ') }, sdk.ClassAuthentication},
		"truncated body":  {func(r *sdk.WebhookRequest) { r.Body = r.Body[:len(r.Body)/2] }, sdk.ClassAuthentication},
		"half a sum":      {func(r *sdk.WebhookRequest) { r.Headers[signatureHeader] = r.Headers[signatureHeader][:39] }, sdk.ClassAuthentication},
		"no hex":          {func(r *sdk.WebhookRequest) { r.Headers[signatureHeader] = "sha256=zz" }, sdk.ClassAuthentication},
		"no event":        {func(r *sdk.WebhookRequest) { delete(r.Headers, eventHeader) }, sdk.ClassInvalidConfig},
		"a content type":  {func(r *sdk.WebhookRequest) { r.Headers["content-type"] = "text/plain" }, sdk.ClassInvalidConfig},
		"JSON as a form":  {func(r *sdk.WebhookRequest) { r.Headers["content-type"] = "application/x-www-form-urlencoded" }, sdk.ClassInvalidConfig},
		"signed, no JSON": {func(r *sdk.WebhookRequest) { *r = delivery("push", "{") }, sdk.ClassInvalidConfig},
		"signed, a list":  {func(r *sdk.WebhookRequest) { *r = delivery("push", "[1]") }, sdk.ClassInvalidConfig},
		"signed, nothing": {func(r *sdk.WebhookRequest) { *r = delivery("push", "") }, sdk.ClassInvalidConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery("push", push)
			c.change(&r)
			if got, err := newConnector().ParseWebhook(t.Context(), r); sdk.ClassOf(err) != c.class {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}

// TestForm: GitHub's other content type; the signature is that of the whole body.
func TestForm(t *testing.T) {
	t.Parallel()
	r := delivery("push", url.Values{"payload": {example(t, "push")}}.Encode())
	r.Headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
	got, err := newConnector().ParseWebhook(t.Context(), r)
	if err != nil || got.Occurred == nil || got.Occurred.Branch != "main" {
		t.Errorf("%v, %+v", err, got)
	}
}

// TestUnknownPaths: what changed is only known when the commits say all of it.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	many := strings.TrimSuffix(strings.Repeat(`{"id":"a","added":["x"]},`, maxCommits), ",")
	var paths []string
	for i := range maxPaths + 1 {
		paths = append(paths, fmt.Sprintf(`"%d"`, i))
	}
	for name, body := range map[string]string{
		"created":     `{"ref":"refs/heads/x","created":true,"commits":[{"added":["a"]}]}`,
		"forced":      `{"ref":"refs/heads/x","forced":true,"commits":[{"added":["a"]}]}`,
		"no commits":  `{"ref":"refs/heads/x","commits":[]}`,
		"cut off":     `{"ref":"refs/heads/x","commits":[` + many + `]}`,
		"many files":  `{"ref":"refs/heads/x","commits":[{"added":[` + strings.Join(paths, ",") + `]}]}`,
		"null commit": `{"ref":"refs/heads/x","commits":null,"head_commit":null}`,
	} {
		got, err := newConnector().ParseWebhook(t.Context(), delivery("push", body))
		if err != nil || got.Occurred == nil || got.Occurred.ChangedPathsKnown || got.Occurred.ChangedPaths != nil {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

func FuzzParseWebhook(f *testing.F) {
	for _, name := range []string{"push", "tag", "pull_request", "release"} {
		f.Add(strings.Replace(name, "tag", "push", 1), "application/json", example(f, name))
	}
	f.Add("push", "application/x-www-form-urlencoded", "payload=%7B%7D")
	f.Add("", ";", "")
	c := newConnector()
	f.Fuzz(func(t *testing.T, event, kind, body string) {
		r := delivery(event, body)
		r.Headers["content-type"] = kind
		got, err := c.ParseWebhook(t.Context(), r)
		if class := sdk.ClassOf(err); err != nil && class != sdk.ClassInvalidConfig {
			t.Fatalf("%s: %v", class, err)
		}
		if err == nil && got.Occurred == nil && got.Ignored == "" {
			t.Fatalf("nothing is to run, and nobody says why: %+v", got)
		}
		r.Secret = "other"
		if _, err := c.ParseWebhook(t.Context(), r); sdk.ClassOf(err) != sdk.ClassAuthentication {
			t.Fatalf("another secret: %v", err)
		}
	})
}
