package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

const (
	secret    = "a secret token"
	commitSHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
)

// delivery is one as GitLab sends it.
func delivery(event, body string) sdk.WebhookRequest {
	return sdk.WebhookRequest{Secret: secret, Body: []byte(body), Headers: map[string]string{"content-type": "application/json",
		"x-gitlab-event": event, "x-gitlab-token": secret, "idempotency-key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
		"x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e"}}
}

func example(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event, file string
		want        sdk.Webhook
	}{
		"push": {"Push Hook", "push", sdk.Webhook{Event: "push", Occurred: &sdk.WebhookEvent{Kind: sdk.EventPush, Repository: "group/sub/site",
			RepositoryURL: "https://gitlab.example.com/group/sub/site", Author: "ann", Branch: "main", Commit: commitSHA, Title: "second",
			Message: "second\n\nwith a body", ChangedPaths: []string{"CHANGELOG", "app.go"}, ChangedPathsKnown: true,
			Variables: map[string]string{"COMMIT_BEFORE": "95790bf891e76fee5e1747ab589903a6a1f80f22"}}}},
		"tag": {"Tag Push Hook", "tag_push", sdk.Webhook{Event: "tag_push", Occurred: &sdk.WebhookEvent{Kind: sdk.EventTag, Repository: "group/site",
			RepositoryURL: "https://gitlab.example.com/group/site", Author: "ann", Tag: "v1.0.0", Commit: commitSHA, Variables: map[string]string{}}}},
		"merge request of a fork": {"Merge Request Hook", "merge_request", sdk.Webhook{Event: "merge_request.open", Occurred: &sdk.WebhookEvent{
			Kind: sdk.EventPullRequest, Repository: "group/site", RepositoryURL: "https://gitlab.example.com/group/site", Author: "ann",
			Branch: "main", Commit: commitSHA, Title: "Better", Message: "fixed",
			PullRequest: &sdk.PullRequest{Number: 1, Action: "opened", SourceBranch: "better", SourceRepository: "ann/site"},
			Variables: map[string]string{"PULL_REQUEST_REF": "refs/merge-requests/1/head", "PULL_REQUEST_DRAFT": "false",
				"PULL_REQUEST_URL": "https://gitlab.example.com/group/site/-/merge_requests/1"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newConnector().ParseWebhook(t.Context(), delivery(c.event, example(t, c.file)))
			c.want.DeliveryID = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"
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
		body, want, why string
		named           bool
	}{
		{`{"object_kind":"push","ref":"refs/heads/x","after":"` + strings.Repeat("0", 40) + `"}`, "push", "deleted", false},
		{`{"object_kind":"merge_request","object_attributes":{"action":"merge"}}`, "merge_request.merge", "merged", true},
		{`{"object_kind":"merge_request","object_attributes":{"action":"update"}}`, "merge_request.update", "not its commits", true},
		{`{"object_kind":"release","action":"update"}`, "release.update", "created", true},
		{`{"object_kind":"note","object_attributes":{"action":"create"}}`, "note.create", `events: ["note.create"]`, true},
		{`{"event_name":"project_create"}`, "project_create", "project_create", true},
	} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			got, err := newConnector().ParseWebhook(t.Context(), delivery("Some Hook", c.body))
			if err != nil || got.Event != c.want || !strings.Contains(got.Ignored, c.why) || (got.Occurred != nil) != c.named {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
	update, err := newConnector().ParseWebhook(t.Context(), delivery("Merge Request Hook",
		`{"object_kind":"merge_request","object_attributes":{"action":"update","oldrev":"aa"}}`))
	if err != nil || update.Ignored != "" {
		t.Errorf("new commits: %v, %+v", err, update)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(r *sdk.WebhookRequest)
		class  sdk.ErrorClass
	}{
		"no token":      {func(r *sdk.WebhookRequest) { delete(r.Headers, tokenHeader) }, sdk.ClassAuthentication},
		"another token": {func(r *sdk.WebhookRequest) { r.Headers[tokenHeader] = secret + " " }, sdk.ClassAuthentication},
		"half a token":  {func(r *sdk.WebhookRequest) { r.Headers[tokenHeader] = secret[:5] }, sdk.ClassAuthentication},
		"no event":      {func(r *sdk.WebhookRequest) { delete(r.Headers, eventHeader) }, sdk.ClassInvalidConfig},
		"truncated":     {func(r *sdk.WebhookRequest) { r.Body = r.Body[:len(r.Body)/2] }, sdk.ClassInvalidConfig},
		"no kind":       {func(r *sdk.WebhookRequest) { r.Body = []byte("{}") }, sdk.ClassInvalidConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery("Push Hook", example(t, "push"))
			c.change(&r)
			if got, err := newConnector().ParseWebhook(t.Context(), r); sdk.ClassOf(err) != c.class {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}

// TestDeliveryID: the same for each try, also of a GitLab that sends no key for that,
// and another for what the same event leads to besides.
func TestDeliveryID(t *testing.T) {
	t.Parallel()
	r := delivery("Push Hook", "a")
	delete(r.Headers, retryHeader)
	again, other := r, r
	other.Body = []byte("b")
	if id := deliveryID(r); id == "" || id != deliveryID(again) || id == deliveryID(other) {
		t.Errorf("%q, %q, %q", id, deliveryID(again), deliveryID(other))
	}
}

func FuzzParseWebhook(f *testing.F) {
	for _, name := range []string{"push", "tag_push", "merge_request"} {
		f.Add(example(f, name))
	}
	f.Add(`{"object_kind":"release","action":"create","tag":"v1"}`)
	f.Add("")
	c := newConnector()
	f.Fuzz(func(t *testing.T, body string) {
		r := delivery("Some Hook", body)
		got, err := c.ParseWebhook(t.Context(), r)
		if class := sdk.ClassOf(err); err != nil && class != sdk.ClassInvalidConfig {
			t.Fatalf("%s: %v", class, err)
		}
		if err == nil && got.Occurred == nil && got.Ignored == "" {
			t.Fatalf("nothing is to run, and nobody says why: %+v", got)
		}
	})
}
