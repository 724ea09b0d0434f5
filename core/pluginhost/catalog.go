package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// describeAtOnce is how many connectors are launched at a time to be described.
const describeAtOnce = 4

// maxSuggested is how many names an error offers.
const maxSuggested = 20

// description is what a binary said of itself.
type description struct {
	identity identity
	sha      string
	info     sdk.Info
}

// breakage is why a binary could not be launched.
type breakage struct {
	identity identity
	reason   string
	at       time.Time
}

// Connectors implements core.Catalog: all connectors in the plugin path at this
// moment, by name, also the broken ones. Those that were never seen before are
// launched to be described, some at a time.
func (h *Host) Connectors(ctx context.Context) []*core.ConnectorInfo {
	files := h.scan()
	list := make([]*core.ConnectorInfo, len(files))
	turns := make(chan struct{}, describeAtOnce)
	var all sync.WaitGroup
	for i, file := range files {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			list[i] = h.entry(ctx, file)
		})
	}
	all.Wait()
	return list
}

// Installed lists what is in the plugin path by name, with the SHA-256 of each file
// as it is read now. It launches nothing and trusts no cache: it is for whoever
// wants to know before anything is run. Entries have no version and no actions.
func (h *Host) Installed() []*core.ConnectorInfo {
	files := h.scan()
	list := make([]*core.ConnectorInfo, len(files))
	for i, file := range files {
		list[i] = &core.ConnectorInfo{Name: file.name, Path: file.path, State: core.ConnectorAvailable}
		err := file.problem()
		if err == nil {
			list[i].SHA256, err = hashFile(file.path)
		}
		if err != nil {
			list[i].State, list[i].Reason = core.ConnectorBroken, err.Error()
		}
	}
	return list
}

// Connector implements core.Catalog. It launches the connector only if it was
// never seen before.
func (h *Host) Connector(ctx context.Context, name string) (*core.ConnectorInfo, error) {
	file, err := h.find(name)
	if err == nil {
		return h.entry(ctx, file), nil
	}
	missing := core.NotFound("connector", name)
	missing.Err = err
	var names []string
	for _, other := range h.scan() {
		names = append(names, other.name)
	}
	if near := core.Nearest(name, names); near != "" {
		missing.Suggestions = append(missing.Suggestions, "did you mean "+near+"?")
	}
	var detailed *sdk.Error
	if errors.As(err, &detailed) {
		missing.Suggestions = append(missing.Suggestions, detailed.Suggestion)
	}
	if len(names) > 0 {
		missing.Details = fmt.Sprintf("installed: %s", nameList(names))
	}
	return nil, missing
}

func nameList(names []string) string {
	text := ""
	for i, name := range names[:min(len(names), maxSuggested)] {
		if i > 0 {
			text += ", "
		}
		text += name
	}
	if len(names) > maxSuggested {
		text += ", …"
	}
	return text
}

// entry describes one file.
func (h *Host) entry(ctx context.Context, file *binary) *core.ConnectorInfo {
	entry := &core.ConnectorInfo{Name: file.name, Path: file.path, State: core.ConnectorBroken}
	described, err := h.describe(ctx, file)
	if described != nil {
		entry.SHA256 = described.sha
	}
	if err != nil {
		entry.Reason = err.Error()
		return entry
	}
	fill(entry, described.info)
	entry.State = core.ConnectorAvailable
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slot(file.name)
	if s.current != nil {
		entry.State = core.ConnectorRunning
	} else if _, err := s.crashes.admit(file.name, file.identity, time.Now(), h.limits); err != nil {
		entry.State, entry.Reason = core.ConnectorBroken, err.Error()
	}
	return entry
}

// describe finds out what a file is: from memory, from the cache, or by launching
// it. A refused one is returned with its hash and the reason.
func (h *Host) describe(ctx context.Context, file *binary) (*description, error) {
	if err := file.problem(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	s := h.slot(file.name)
	known, broken := s.described, s.broken
	h.mu.Unlock()
	if known == nil || known.identity != file.identity {
		sha, err := h.cache.sha256(file)
		if err != nil {
			return nil, fmt.Errorf("it cannot be read: %w", err)
		}
		known = &description{identity: file.identity, sha: sha}
	}
	if err := h.pinned.check(file.name, known.sha); err != nil {
		return known, err
	}
	if known.info.Name != "" {
		return known, nil
	}
	if broken != nil && broken.identity == file.identity && time.Since(broken.at) < h.limits.brokenRetry {
		return known, errors.New(broken.reason)
	}
	if info, ok := h.cache.description(known.sha, file.name); ok {
		known.info = info
		h.mu.Lock()
		s.described = known
		h.mu.Unlock()
		return known, nil
	}
	return h.describeByLaunch(ctx, file, known)
}

// describeByLaunch launches a connector, which describes it.
func (h *Host) describeByLaunch(ctx context.Context, file *binary, known *description) (*description, error) {
	p, err := h.acquire(ctx, file.name, false)
	if err != nil {
		var detailed *sdk.Error
		if errors.As(err, &detailed) && detailed.Err != nil {
			err = detailed.Err // the bare reason: the entry has the name
		}
		return known, err
	}
	h.release(p, false)
	return &description{identity: p.file.identity, sha: p.sha, info: p.info}, nil
}

// fill copies what a connector says of itself.
func fill(entry *core.ConnectorInfo, info sdk.Info) {
	entry.Version, entry.Summary = info.Version, info.Summary
	for _, a := range info.Actions {
		action := core.ActionInfo{Name: a.Name, Help: a.Help, ConfigSchema: a.ConfigSchema}
		for _, o := range a.Outputs {
			action.Outputs = append(action.Outputs, core.ConnectorNeed{Name: o.Name, Help: o.Help})
		}
		for _, k := range a.ImpliedBy {
			action.ImpliedBy = append(action.ImpliedBy, core.KeyPattern(k))
		}
		entry.Actions = append(entry.Actions, action)
	}
	for _, c := range info.Capabilities {
		entry.Capabilities = append(entry.Capabilities, string(c))
	}
	for _, s := range info.Secrets {
		entry.Secrets = append(entry.Secrets, core.ConnectorNeed{Name: s.Name, Help: s.Help, Required: s.Required})
	}
	if info.Has(sdk.CapabilityParseWebhook) {
		entry.Webhook = &core.WebhookInfo{Headers: info.Webhook.Headers, OptionsSchema: info.Webhook.OptionsSchema}
	}
}
