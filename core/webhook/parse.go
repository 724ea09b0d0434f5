package webhook

import (
	"context"
	"errors"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// parseTries is how often a delivery is given to a connector that dies over it.
const parseTries = 3

// parsed is what a connector says about a delivery.
type parsed struct {
	sdk.Webhook
	event *core.ForgeEvent // nil when nothing can be made of it
}

// parse has a connector verify and read a delivery. The errors are those of
// core.Webhooks, with the connector's own as cause.
func (s *Service) parse(ctx context.Context, connector string, r sdk.WebhookRequest) (*parsed, error) {
	weight := int64(max(len(r.Body), smallParsing))
	if err := s.parsing.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	defer s.parsing.Release(weight)
	ctx, cancel := context.WithTimeout(ctx, parseTimeout)
	defer cancel()
	var webhook sdk.Webhook
	for try := 1; ; try++ {
		err := s.Connectors.Use(ctx, connector, func(client *sdk.Client, _ sdk.Info) (err error) {
			webhook, err = client.ParseWebhook(ctx, r)
			return err
		})
		if err == nil {
			break
		}
		// It reads and changes nothing: it can be asked again.
		if errors.Is(err, sdk.ErrGone) && try < parseTries && ctx.Err() == nil {
			s.Logger.Warn("the connector died over a delivery; trying again", "connector", connector, "error", err)
			continue
		}
		return nil, refusal(connector, err)
	}
	return &parsed{Webhook: webhook, event: eventOf(webhook.Occurred)}, nil
}

// refusal is a connector's error in the words of core.Webhooks.
func refusal(connector string, err error) error {
	var said *sdk.Error
	if !errors.As(err, &said) {
		said = &sdk.Error{Class: sdk.ClassInternal}
	}
	switch said.Class {
	case sdk.ClassAuthentication:
		return &core.Error{Code: core.CodeUnauthenticated, Message: said.Message, Err: err}
	case sdk.ClassInvalidConfig:
		e := &core.Error{Code: core.CodeInvalid, Message: "the delivery cannot be read", Details: said.Message, Err: err}
		if said.Suggestion != "" {
			e.Suggestions = []string{said.Suggestion}
		}
		return e
	}
	return &core.Error{Code: core.CodeUnavailable, Message: "the " + connector + " connector cannot be used now", Err: err,
		Suggestions: []string{"send it again in a while"}}
}

// eventOf takes what a connector says within bounds: it comes from outside.
func eventOf(e *sdk.WebhookEvent) *core.ForgeEvent {
	if e == nil {
		return nil
	}
	event := &core.ForgeEvent{Kind: kindOf(e.Kind), Repository: line(e.Repository), RepositoryURL: line(e.RepositoryURL), Branch: line(e.Branch),
		Tag: line(e.Tag), Commit: line(e.Commit), Title: line(e.Title), Message: text(e.Message), Author: line(e.Author)}
	if e.ChangedPathsKnown && pathsFit(e.ChangedPaths) {
		event.ChangedPaths, event.ChangedPathsKnown = e.ChangedPaths, true
	}
	if p := e.PullRequest; p != nil {
		event.PullRequest = &core.PullRequest{Number: p.Number, Action: line(p.Action), SourceBranch: line(p.SourceBranch),
			SourceRepository: line(p.SourceRepository)}
	}
	for name, value := range e.Variables {
		if variableName.MatchString(name) && len(event.Variables) < maxVariables {
			if event.Variables == nil {
				event.Variables = map[string]string{}
			}
			event.Variables[name] = text(value)
		}
	}
	return event
}

func kindOf(k sdk.EventKind) core.EventKind {
	switch k {
	case sdk.EventPush:
		return core.EventPush
	case sdk.EventTag:
		return core.EventTag
	case sdk.EventPullRequest:
		return core.EventPullRequest
	}
	return core.EventOther
}
