package webhook_test

import (
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// TestFilters: which trigger lets which delivery through, and what is said of the others.
func TestFilters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tag := sdk.Webhook{Event: "push", Occurred: &sdk.WebhookEvent{Kind: sdk.EventTag, Tag: "v1", Repository: "acme/site", Message: "[skip ci]"}}
	pull := func(action, ignored, fork string) sdk.Webhook {
		return sdk.Webhook{Event: "pull_request." + action, Ignored: ignored, Occurred: &sdk.WebhookEvent{Kind: sdk.EventPullRequest, Branch: "main",
			PullRequest: &sdk.PullRequest{Number: 1, Action: map[string]string{"synchronize": "updated"}[action] + map[bool]string{true: action}[action != "synchronize"], SourceRepository: fork}}}
	}
	release := sdk.Webhook{Event: "release.published", Occurred: &sdk.WebhookEvent{Kind: sdk.EventOther, Tag: "v1"}}
	issue := sdk.Webhook{Event: "issues.opened", Ignored: "name it", Occurred: &sdk.WebhookEvent{Kind: sdk.EventOther}}
	says := func(message string) sdk.Webhook { return push(func(w *sdk.Webhook) { w.Occurred.Message = message }) }
	touches := func(known bool, paths ...string) sdk.Webhook {
		return push(func(w *sdk.Webhook) { w.Occurred.ChangedPaths, w.Occurred.ChangedPathsKnown = paths, known })
	}
	none := core.TriggerConfig{}
	for name, c := range map[string]struct {
		kind   core.TriggerType
		config core.TriggerConfig
		said   sdk.Webhook
		why    string // empty: it starts the pipeline
	}{
		"push":                          {core.TriggerGitPush, none, push(), ""},
		"push to a branch that matches": {core.TriggerGitPush, core.TriggerConfig{BranchPatterns: []string{"dev", "m*"}}, push(), ""},
		"push to another branch":        {core.TriggerGitPush, core.TriggerConfig{BranchPatterns: []string{"dev"}}, push(), `the branch "main" is none of dev`},
		"a slash is not in a star":      {core.TriggerGitPush, core.TriggerConfig{BranchPatterns: []string{"*"}}, push(func(w *sdk.Webhook) { w.Occurred.Branch = "a/b" }), "none of *"},
		"tag for git_push":              {core.TriggerGitPush, none, tag, "there is no trigger for push"},
		"tag":                           {core.TriggerGitTag, core.TriggerConfig{TagPatterns: []string{"v*"}}, tag, ""},
		"another tag":                   {core.TriggerGitTag, core.TriggerConfig{TagPatterns: []string{"x*"}}, tag, "the tag v1 is none of x*"},
		"push for git_tag":              {core.TriggerGitTag, none, push(), "there is no trigger for push"},
		"pull request":                  {core.TriggerPullRequest, core.TriggerConfig{BranchPatterns: []string{"main"}}, pull("synchronize", "", ""), ""},
		"closed pull request":           {core.TriggerPullRequest, none, pull("closed", "closed ones start nothing", ""), "closed ones start nothing"},
		"closed and named":              {core.TriggerPullRequest, core.TriggerConfig{Events: []string{"Closed"}}, pull("closed", "x", ""), ""},
		"closed and only the kind":      {core.TriggerPullRequest, core.TriggerConfig{Events: []string{"pull_request"}}, pull("closed", "closed ones start nothing", ""), "closed ones start nothing"},
		"opened by its kind":            {core.TriggerPullRequest, core.TriggerConfig{Events: []string{"pull_request"}}, pull("opened", "", ""), ""},
		"updated by our word":           {core.TriggerPullRequest, core.TriggerConfig{Events: []string{"updated"}}, pull("synchronize", "", ""), ""},
		"updated by its word":           {core.TriggerPullRequest, core.TriggerConfig{Events: []string{"synchronize"}}, pull("synchronize", "", ""), ""},
		"opened when updated is wanted": {core.TriggerPullRequest, core.TriggerConfig{Events: []string{"updated"}}, pull("opened", "", ""), "pull_request.opened is none of updated"},
		"fork":                          {core.TriggerPullRequest, none, pull("opened", "", "octo/site"), "comes from octo/site"},
		"fork that may":                 {core.TriggerPullRequest, core.TriggerConfig{AllowForks: true}, pull("opened", "", "octo/site"), ""},
		"anything":                      {core.TriggerWebhook, none, release, ""},
		"any branch and a tag":          {core.TriggerWebhook, core.TriggerConfig{BranchPatterns: []string{"*"}}, tag, "the tag v1 is none of those wanted"},
		"any tag and a branch":          {core.TriggerWebhook, core.TriggerConfig{TagPatterns: []string{"*"}}, push(), `the branch "main" is none of those wanted`},
		"unknown event":                 {core.TriggerWebhook, none, issue, "name it"},
		"unknown event, named":          {core.TriggerWebhook, core.TriggerConfig{Events: []string{"issues.opened"}}, issue, ""},
		"nothing occurred":              {core.TriggerWebhook, none, sdk.Webhook{Event: "ping", Ignored: "pong"}, "pong"},
		"repository":                    {core.TriggerGitPush, core.TriggerConfig{Repository: "git@git.example.com:ACME/site.git"}, push(), ""},
		"another repository":            {core.TriggerGitPush, core.TriggerConfig{Repository: "acme/other"}, push(), "acme/site is not acme/other"},
		"skip ci":                       {core.TriggerGitPush, none, says("docs [Skip CI]"), "[skip ci]"},
		"ci skip further down":          {core.TriggerGitPush, none, says("docs\n\nx [ci skip] y"), "[ci skip]"},
		"no mark":                       {core.TriggerGitPush, none, says("skip ci"), ""},
		"a path that matters":           {core.TriggerGitPush, core.TriggerConfig{Paths: []string{"src/**"}}, touches(true, "a", "src/x/y"), ""},
		"no path that matters":          {core.TriggerGitPush, core.TriggerConfig{Paths: []string{"src/**"}}, touches(true, "a", "b"), "none of the 2 changed files"},
		"all paths ignored":             {core.TriggerGitPush, core.TriggerConfig{IgnorePaths: []string{"**/*.md"}}, touches(true, "a.md", "b/c.md"), "none of the 2"},
		"not all paths ignored":         {core.TriggerGitPush, core.TriggerConfig{IgnorePaths: []string{"**/*.md"}}, touches(true, "a.md", "b"), ""},
		"unknown paths":                 {core.TriggerGitPush, core.TriggerConfig{Paths: []string{"src/**"}}, touches(false, "a"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			id := b.create(on(c.kind, c.config))
			d := b.receive(b.incoming(id, "global", c.said))
			if c.why == "" {
				b.wantStatus(d, core.DeliveryTriggered, "")
			} else {
				b.wantStatus(d, core.DeliveryIgnored, c.why)
			}
		})
	}
}

// TestFirstTriggerCounts: one execution a pipeline, of the type of the first trigger that
// lets the delivery through; and the reasons of all that do not.
func TestFirstTriggerCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitTag, core.TriggerConfig{}), on(core.TriggerWebhook, core.TriggerConfig{}), on(core.TriggerGitPush, core.TriggerConfig{}))
	d := b.receive(b.incoming(id, "global", push()))
	if len(d.Targets) != 1 || d.Targets[0].Type != core.TriggerWebhook {
		t.Errorf("%+v", d.Targets)
	}
	id = b.create(on(core.TriggerGitPush, core.TriggerConfig{BranchPatterns: []string{"a"}}), on(core.TriggerWebhook, core.TriggerConfig{Events: []string{"b"}}))
	b.wantStatus(b.receive(b.incoming(id, "global", push())), core.DeliveryIgnored,
		`git_push: the branch "main" is none of a; webhook: the event push is none of b`)
}

// TestHeadless: what no connector knows by its headers goes to the one that a trigger
// names, or to the general one.
func TestHeadless(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, connector := range []string{"", "test", "webhook"} {
		id := b.create(on(core.TriggerWebhook, core.TriggerConfig{Connector: connector}))
		in := b.incoming(id, "global", push())
		delete(in.Headers, "x-test-event")
		want := connector
		if want == "" {
			want = "webhook"
		}
		if d := b.receive(in); d.Connector != want || d.Status != core.DeliveryTriggered {
			t.Errorf("%q: %s, %s", connector, d.Connector, d.Status)
		}
	}
}
