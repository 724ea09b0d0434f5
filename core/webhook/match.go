package webhook

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/patchbay-ci/patchbay/core"
)

// Bounds on a verdict.
const (
	maxTargets = 200
	maxReasons = 5
)

// evaluate decides which pipelines a delivery starts: each once, by the first of its
// triggers that lets it through. With central, at a connector's address, nothing is said
// about triggers for other repositories: they are not the sender's to know.
func evaluate(said *parsed, candidates []candidate, central bool) *verdict {
	v := &verdict{said: said, reason: said.Ignored}
	if said.event == nil {
		if v.reason == "" {
			v.reason = "the connector says nothing that could start a run"
		}
		return v
	}
	var reasons []string
	for _, c := range candidates {
		if c.pipelineID == "" || slices.ContainsFunc(v.targets, func(t core.DeliveryTarget) bool { return t.PipelineID == c.pipelineID }) {
			continue
		}
		other := c.trigger.Config.Repository != "" && !sameRepository(c.trigger.Config.Repository, said.event)
		if !takes(c.trigger.Type, said.event.Kind) || central && other {
			continue
		}
		why := unmet(&c.trigger, said)
		if why == "" && len(v.targets) < maxTargets {
			v.targets = append(v.targets, core.DeliveryTarget{PipelineID: c.pipelineID, Type: c.trigger.Type})
			continue
		}
		if reason := string(c.trigger.Type) + ": " + why; !slices.Contains(reasons, reason) && len(reasons) < maxReasons {
			reasons = append(reasons, reason)
		}
	}
	switch {
	case len(v.targets) > 0:
		v.reason = ""
	case len(reasons) > 0:
		v.reason = line(strings.Join(reasons, "; "))
	case v.reason == "" && said.event.Repository != "":
		v.reason = line("there is no trigger for " + said.Event + " of " + said.event.Repository)
	case v.reason == "":
		v.reason = line("there is no trigger for " + said.Event)
	}
	return v
}

// takes reports whether triggers of a type are for events of a kind.
func takes(t core.TriggerType, kind core.EventKind) bool {
	switch t {
	case core.TriggerGitPush:
		return kind == core.EventPush
	case core.TriggerGitTag:
		return kind == core.EventTag
	case core.TriggerPullRequest:
		return kind == core.EventPullRequest
	default:
		return true
	}
}

// unmet returns why a trigger does not let a delivery through, or "".
func unmet(t *core.Trigger, said *parsed) string {
	e, c := said.event, &t.Config
	if c.Repository != "" && !sameRepository(c.Repository, e) {
		return fmt.Sprintf("the repository %s is not %s", e.Repository, c.Repository)
	}
	for _, why := range []string{unmetEvent(c.Events, said), unmetRef(t, e), unmetFork(c, e), unmetPaths(c, e), skipMark(e)} {
		if why != "" {
			return why
		}
	}
	return ""
}

// unmetEvent compares the event with those that a trigger names: "pull_request.opened",
// its first word or its last, the action of the pull request, or the kind. What starts
// nothing by itself must be named in full or by its last word.
func unmetEvent(events []string, said *parsed) string {
	precise := []string{said.Event}
	if _, last, dotted := strings.Cut(said.Event, "."); dotted {
		precise = append(precise, last)
	}
	if p := said.event.PullRequest; p != nil {
		precise = append(precise, p.Action)
	}
	first, _, _ := strings.Cut(said.Event, ".")
	broad := append(precise, first, string(said.event.Kind))
	named := func(words []string) bool {
		return slices.ContainsFunc(events, func(event string) bool {
			return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(event, word) })
		})
	}
	switch {
	case said.Ignored != "" && !named(precise):
		return said.Ignored
	case len(events) > 0 && !named(broad):
		return fmt.Sprintf("the event %s is none of %s", said.Event, strings.Join(events, ", "))
	}
	return ""
}

// unmetRef holds branch and tag against the patterns. A trigger for all kinds of events
// that names only branches takes no tags, and the other way round.
func unmetRef(t *core.Trigger, e *core.ForgeEvent) string {
	branches, tags := t.Config.BranchPatterns, t.Config.TagPatterns
	switch t.Type {
	case core.TriggerGitPush, core.TriggerPullRequest:
		tags = nil
	case core.TriggerGitTag:
		branches = nil
	}
	switch {
	case len(branches)+len(tags) == 0:
	case e.Tag != "":
		if !matchesAny(tags, e.Tag) {
			return fmt.Sprintf("the tag %s is none of %s", e.Tag, orNone(tags))
		}
	case !matchesAny(branches, e.Branch):
		return fmt.Sprintf("the branch %q is none of %s", e.Branch, orNone(branches))
	}
	return ""
}

func orNone(patterns []string) string {
	if len(patterns) == 0 {
		return "those wanted"
	}
	return strings.Join(patterns, ", ")
}

func unmetFork(c *core.TriggerConfig, e *core.ForgeEvent) string {
	if p := e.PullRequest; p != nil && p.SourceRepository != "" && !c.AllowForks {
		return fmt.Sprintf("the pull request comes from %s, and allow_forks is not set", p.SourceRepository)
	}
	return ""
}

func unmetPaths(c *core.TriggerConfig, e *core.ForgeEvent) string {
	if len(c.Paths)+len(c.IgnorePaths) == 0 || !e.ChangedPathsKnown {
		return ""
	}
	for _, path := range e.ChangedPaths {
		if (len(c.Paths) == 0 || matchesAny(c.Paths, path)) && !matchesAny(c.IgnorePaths, path) {
			return ""
		}
	}
	return fmt.Sprintf("none of the %d changed files is one that matters", len(e.ChangedPaths))
}

func matchesAny(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		matched, err := doublestar.Match(glob, name)
		return err == nil && matched
	})
}

// skipMarks in a commit's message keep its push, or its pull request, from starting
// anything. A tag is set on purpose: it runs.
var skipMarks = []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip patchbay]", "[patchbay skip]"}

func skipMark(e *core.ForgeEvent) string {
	if e.Kind != core.EventPush && e.Kind != core.EventPullRequest {
		return ""
	}
	said := strings.ToLower(e.Title + "\n" + e.Message)
	for _, mark := range skipMarks {
		if strings.Contains(said, mark) {
			return "the commit says " + mark
		}
	}
	return ""
}

// sameRepository compares what a trigger wants, "owner/name", a glob of that, or an
// address, with the repository of an event.
func sameRepository(want string, e *core.ForgeEvent) bool {
	host, path := splitRepository(want)
	_, have := splitRepository(e.Repository)
	if matched, err := doublestar.Match(path, have); err != nil || !matched {
		return false
	}
	given, _ := splitRepository(e.RepositoryURL)
	return host == "" || given == "" || host == given
}

// splitRepository takes https://host/owner/name.git, git@host:owner/name and owner/name.
func splitRepository(text string) (host, path string) {
	path = strings.ToLower(strings.TrimSpace(text))
	if address, err := url.Parse(path); err == nil && address.Host != "" {
		host, path = address.Hostname(), address.Path
	} else if before, after, found := strings.Cut(path, ":"); found {
		host, path = before[strings.LastIndex(before, "@")+1:], after
	}
	return host, strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
