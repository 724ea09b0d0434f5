package main

import (
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// What follows are the fields of GitLab's payloads that count here; see
// https://docs.gitlab.com/user/project/integrations/webhook_events/

// isZero: the commit of a branch that is not there, in SHA-1 or SHA-256.
func isZero(commit string) bool { return strings.Trim(commit, "0") == "" }

type project struct {
	Path   string `json:"path_with_namespace"`
	WebURL string `json:"web_url"`
}

// origin is what all payloads have.
type origin struct {
	Project project `json:"project"`
	// Username is on pushes, User on the others.
	Username string `json:"user_username"`
	User     struct {
		Username string `json:"username"`
	} `json:"user"`
}

// event is the beginning of what is made of any payload.
func (o *origin) event(kind sdk.EventKind) *sdk.WebhookEvent {
	author := o.Username
	if author == "" {
		author = o.User.Username
	}
	return &sdk.WebhookEvent{Kind: kind, Repository: o.Project.Path, RepositoryURL: o.Project.WebURL,
		Author: author, Variables: map[string]string{}}
}

type commit struct {
	ID       string   `json:"id"`
	Message  string   `json:"message"`
	Added    []string `json:"added"`
	Modified []string `json:"modified"`
	Removed  []string `json:"removed"`
}

// push is also that of a tag.
type push struct {
	origin
	Ref         string   `json:"ref"`
	Before      string   `json:"before"`
	After       string   `json:"after"`
	CheckoutSHA string   `json:"checkout_sha"`
	Commits     []commit `json:"commits"`
	Total       int      `json:"total_commits_count"`
}

func (p *push) webhook() sdk.Webhook {
	w := sdk.Webhook{Event: "push"}
	branch, isBranch := strings.CutPrefix(p.Ref, "refs/heads/")
	tag, isTag := strings.CutPrefix(p.Ref, "refs/tags/")
	if isTag {
		w.Event = "tag_push"
	}
	switch {
	case !isBranch && !isTag:
		w.Ignored = "the push is of " + p.Ref + ", which is neither a branch nor a tag"
		return w
	case isZero(p.After):
		w.Ignored = p.Ref + " was deleted"
		return w
	}
	w.Occurred = p.event(sdk.EventPush)
	o := w.Occurred
	o.Commit = p.After
	if p.CheckoutSHA != "" { // for an annotated tag, After is the tag and this the commit
		o.Commit = p.CheckoutSHA
	}
	for i := range p.Commits {
		if p.Commits[i].ID == o.Commit {
			o.Message, o.Title = p.Commits[i].Message, firstLine(p.Commits[i].Message)
		}
	}
	if !isZero(p.Before) {
		o.Variables["COMMIT_BEFORE"] = p.Before
	}
	if isTag {
		o.Kind, o.Tag = sdk.EventTag, tag
		return w
	}
	o.Branch = branch
	o.ChangedPaths, o.ChangedPathsKnown = p.changed()
	return w
}

// Bounds on changed paths: what the host takes.
const (
	maxPaths     = 10_000
	maxPathBytes = 1 << 20
)

// changed lists the files that the commits of a push touch, each once. It is complete
// only when all commits are there (GitLab lists 20) and the branch was there before.
func (p *push) changed() (paths []string, known bool) {
	if isZero(p.Before) || len(p.Commits) == 0 || p.Total != len(p.Commits) {
		return nil, false
	}
	seen, size := map[string]bool{}, 0
	for _, c := range p.Commits {
		for _, list := range [][]string{c.Added, c.Modified, c.Removed} {
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

type mergeRequest struct {
	origin
	Attributes struct {
		IID        int64   `json:"iid"`
		Action     string  `json:"action"`
		Title      string  `json:"title"`
		URL        string  `json:"url"`
		Draft      bool    `json:"draft"`
		OldRev     string  `json:"oldrev"`
		Source     string  `json:"source_branch"`
		Target     string  `json:"target_branch"`
		SourceRepo project `json:"source"`
		LastCommit struct {
			ID      string `json:"id"`
			Message string `json:"message"`
		} `json:"last_commit"`
	} `json:"object_attributes"`
}

// mergeActions are GitLab's words that have another one here.
var mergeActions = map[string]string{"open": "opened", "reopen": "reopened", "update": "updated", "close": "closed", "merge": "merged"}

func (m *mergeRequest) webhook() sdk.Webhook {
	a, number := &m.Attributes, strconv.FormatInt(m.Attributes.IID, 10)
	w := sdk.Webhook{Event: strings.TrimSuffix("merge_request."+a.Action, "."), Occurred: m.event(sdk.EventPullRequest)}
	o, action := w.Occurred, a.Action
	if ours, known := mergeActions[action]; known {
		action = ours
	}
	o.Branch, o.Commit, o.Title, o.Message = a.Target, a.LastCommit.ID, a.Title, a.LastCommit.Message
	o.PullRequest = &sdk.PullRequest{Number: a.IID, Action: action, SourceBranch: a.Source}
	if !strings.EqualFold(a.SourceRepo.Path, m.Project.Path) {
		o.PullRequest.SourceRepository = a.SourceRepo.Path
		if a.SourceRepo.Path == "" { // the other project is deleted
			o.PullRequest.SourceRepository = "unknown"
		}
	}
	o.Variables["PULL_REQUEST_REF"] = "refs/merge-requests/" + number + "/head"
	o.Variables["PULL_REQUEST_URL"] = a.URL
	o.Variables["PULL_REQUEST_DRAFT"] = strconv.FormatBool(a.Draft)
	switch {
	case action == "updated" && a.OldRev == "": // only then are there new commits
		w.Ignored = "the merge request was changed, not its commits; a trigger may name that: events: [" + w.Event + "]"
	case action != "opened" && action != "reopened" && action != "updated":
		w.Ignored = "a merge request that is " + action + " starts nothing unless a trigger names it: events: [" + action + "]"
	}
	return w
}

type release struct {
	origin
	Action string `json:"action"`
	Tag    string `json:"tag"`
	Name   string `json:"name"`
	URL    string `json:"url"`
	Commit struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	} `json:"commit"`
}

func (r *release) webhook() sdk.Webhook {
	w := sdk.Webhook{Event: "release." + r.Action, Occurred: r.event(sdk.EventOther)}
	o := w.Occurred
	o.Tag, o.Title, o.Commit, o.Message = r.Tag, r.Name, r.Commit.ID, r.Commit.Message
	o.Variables["RELEASE_NAME"] = r.Name
	o.Variables["RELEASE_URL"] = r.URL
	if r.Action != "create" {
		w.Ignored = "of a release, only that it is created starts something, unless a trigger names it: events: [" + w.Event + "]"
	}
	return w
}

// other is any other event: it may be named in a trigger.
type other struct {
	origin
	Attributes struct {
		Action string `json:"action"`
	} `json:"object_attributes"`
}

func (o *other) webhook() sdk.Webhook {
	return sdk.Webhook{Event: o.Attributes.Action, Occurred: o.event(sdk.EventOther)}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}
