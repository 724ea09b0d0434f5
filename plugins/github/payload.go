package main

import (
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// What follows are the fields of GitHub's payloads that count here; see
// https://docs.github.com/en/webhooks/webhook-events-and-payloads

// zero is the commit of a branch that is not there.
const zero = "0000000000000000000000000000000000000000"

type repository struct {
	FullName string `json:"full_name"`
	HTMLURL  string `json:"html_url"`
}

type account struct {
	Login string `json:"login"`
}

// origin is what all payloads have.
type origin struct {
	Action     string     `json:"action"`
	Repository repository `json:"repository"`
	Sender     account    `json:"sender"`
}

// event is the beginning of what is made of any payload.
func (o *origin) event(kind sdk.EventKind) *sdk.WebhookEvent {
	return &sdk.WebhookEvent{Kind: kind, Repository: o.Repository.FullName, RepositoryURL: o.Repository.HTMLURL,
		Author: o.Sender.Login, Variables: map[string]string{}}
}

type commit struct {
	ID       string   `json:"id"`
	Message  string   `json:"message"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

type push struct {
	origin
	Ref     string   `json:"ref"`
	Before  string   `json:"before"`
	After   string   `json:"after"`
	Created bool     `json:"created"`
	Deleted bool     `json:"deleted"`
	Forced  bool     `json:"forced"`
	Commits []commit `json:"commits"`
	Head    *commit  `json:"head_commit"`
}

func (p *push) webhook() sdk.Webhook {
	w := sdk.Webhook{Event: "push"}
	branch, isBranch := strings.CutPrefix(p.Ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(p.Ref, "refs/tags/")
	switch {
	case !isBranch && !isTag:
		w.Ignored = "the push is of " + p.Ref + ", which is neither a branch nor a tag"
		return w
	case p.Deleted:
		w.Ignored = p.Ref + " was deleted"
		return w
	}
	w.Occurred = p.event(sdk.EventPush)
	o := w.Occurred
	o.Branch, o.Tag, o.Commit = branch, tag, p.After
	if !isBranch {
		o.Kind, o.Branch = sdk.EventTag, ""
	} else {
		o.Tag = ""
	}
	if p.Head != nil { // for an annotated tag, After is the tag and this the commit
		o.Commit, o.Message, o.Title = p.Head.ID, p.Head.Message, firstLine(p.Head.Message)
	}
	if p.Before != zero && p.Before != "" {
		o.Variables["COMMIT_BEFORE"] = p.Before
	}
	if isBranch {
		o.ChangedPaths, o.ChangedPathsKnown = p.changed()
	}
	return w
}

// Bounds on changed paths: GitHub lists so many commits of a push at the most, and the
// host takes so many paths.
const (
	maxCommits   = 2048
	maxPaths     = 10_000
	maxPathBytes = 1 << 20
)

// changed lists the files that the commits of a push touch, each once. That is all that
// changed only when the branch has grown by these commits and nothing else.
func (p *push) changed() (paths []string, known bool) {
	if p.Created || p.Forced || len(p.Commits) == 0 || len(p.Commits) >= maxCommits {
		return nil, false
	}
	seen, size := map[string]bool{}, 0
	for _, c := range p.Commits {
		for _, list := range [][]string{c.Added, c.Removed, c.Modified} {
			for _, path := range list {
				if seen[path] {
					continue
				}
				seen[path] = true
				paths, size = append(paths, path), size+len(path)
				if len(paths) > maxPaths || size > maxPathBytes {
					return nil, false
				}
			}
		}
	}
	return paths, true
}

type pullRequest struct {
	origin
	Number      int64 `json:"number"`
	PullRequest struct {
		Title   string `json:"title"`
		HTMLURL string `json:"html_url"`
		Draft   bool   `json:"draft"`
		Merged  bool   `json:"merged"`
		Head    struct {
			Ref  string `json:"ref"`
			SHA  string `json:"sha"`
			Repo *struct {
				FullName string `json:"full_name"`
			} `json:"repo"`
		} `json:"head"`
		Base struct {
			Ref string `json:"ref"`
			SHA string `json:"sha"`
		} `json:"base"`
		User account `json:"user"`
	} `json:"pull_request"`
}

func (p *pullRequest) webhook() sdk.Webhook {
	w := sdk.Webhook{Event: "pull_request." + p.Action, Occurred: p.event(sdk.EventPullRequest)}
	o, pr, number := w.Occurred, &p.PullRequest, strconv.FormatInt(p.Number, 10)
	o.Branch, o.Commit, o.Title = pr.Base.Ref, pr.Head.SHA, pr.Title
	action := p.Action
	switch {
	case action == "synchronize":
		action = "updated"
	case action == "closed" && pr.Merged:
		action = "merged"
	}
	o.PullRequest = &sdk.PullRequest{Number: p.Number, Action: action, SourceBranch: pr.Head.Ref}
	switch {
	case pr.Head.Repo == nil: // the other repository is deleted
		o.PullRequest.SourceRepository = "unknown"
	case !strings.EqualFold(pr.Head.Repo.FullName, p.Repository.FullName):
		o.PullRequest.SourceRepository = pr.Head.Repo.FullName
	}
	o.Variables["PULL_REQUEST_REF"] = "refs/pull/" + number + "/merge"
	o.Variables["PULL_REQUEST_URL"] = pr.HTMLURL
	o.Variables["PULL_REQUEST_BASE_SHA"] = pr.Base.SHA
	o.Variables["PULL_REQUEST_DRAFT"] = strconv.FormatBool(pr.Draft)
	switch action {
	case "opened", "updated", "reopened", "ready_for_review":
	default:
		w.Ignored = "a pull request that is " + action + " starts nothing unless a trigger names it: events: [" + action + "]"
	}
	return w
}

type release struct {
	origin
	Release struct {
		TagName    string `json:"tag_name"`
		Name       string `json:"name"`
		HTMLURL    string `json:"html_url"`
		Prerelease bool   `json:"prerelease"`
	} `json:"release"`
}

func (r *release) webhook() sdk.Webhook {
	w := sdk.Webhook{Event: "release." + r.Action, Occurred: r.event(sdk.EventOther)}
	o := w.Occurred
	o.Tag, o.Title = r.Release.TagName, r.Release.Name
	o.Variables["RELEASE_NAME"] = r.Release.Name
	o.Variables["RELEASE_URL"] = r.Release.HTMLURL
	o.Variables["RELEASE_PRERELEASE"] = strconv.FormatBool(r.Release.Prerelease)
	if r.Action != "published" { // one release is created, released and published
		w.Ignored = "of a release, only that it is published starts something, unless a trigger names it: events: [" + w.Event + "]"
	}
	return w
}

// created is the event create: a branch or a tag is there. Its push says so as well, and
// the commit; both together would be two runs of one thing.
type created struct {
	origin
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
}

func (c *created) webhook() sdk.Webhook {
	w := sdk.Webhook{Event: "create", Occurred: c.event(sdk.EventPush),
		Ignored: "the push of the " + c.RefType + " " + c.Ref + " is what starts something, unless a trigger names this event: events: [create]"}
	if w.Occurred.Branch = c.Ref; c.RefType == "tag" {
		w.Occurred.Kind, w.Occurred.Branch, w.Occurred.Tag = sdk.EventTag, "", c.Ref
	}
	return w
}

// deleted is the event delete.
type deleted struct {
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
}

func (d *deleted) webhook() sdk.Webhook {
	return sdk.Webhook{Event: "delete", Ignored: "the " + d.RefType + " " + d.Ref + " was deleted"}
}

type ping struct {
	Zen string `json:"zen"`
}

func (*ping) webhook() sdk.Webhook {
	return sdk.Webhook{Event: "ping", Ignored: "the webhook is set up: GitHub's ping has arrived"}
}

// other is any other event: it may be named in a trigger.
type other struct{ origin }

func (o *other) webhook() sdk.Webhook {
	return sdk.Webhook{Event: o.Action, Occurred: o.event(sdk.EventOther)}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}
