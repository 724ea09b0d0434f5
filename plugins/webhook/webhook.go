package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// options are what a trigger may say.
type options struct {
	Mapping   mapping           `json:"mapping,omitempty" jsonschema:"description=Where in the body things are\\, as JSON pointers (RFC 6901)"`
	Variables map[string]string `json:"variables,omitempty" jsonschema:"description=More that steps get: NAME: /pointer becomes CI_NAME"`
	Tolerance int               `json:"tolerance,omitempty" jsonschema:"minimum=1,maximum=3600,default=300,description=How many seconds a timestamp may be away from now"`
}

// mapping has a JSON pointer for each thing; empty is the default.
type mapping struct {
	Event         string `json:"event,omitempty" jsonschema:"description=default /event"`
	Repository    string `json:"repository,omitempty" jsonschema:"description=default /repository"`
	RepositoryURL string `json:"repository_url,omitempty" jsonschema:"description=default /repository_url"`
	Branch        string `json:"branch,omitempty" jsonschema:"description=default /branch; refs/heads/ is cut off"`
	Tag           string `json:"tag,omitempty" jsonschema:"description=default /tag; refs/tags/ is cut off"`
	Commit        string `json:"commit,omitempty" jsonschema:"description=default /commit"`
	Title         string `json:"title,omitempty" jsonschema:"description=default /title"`
	Message       string `json:"message,omitempty" jsonschema:"description=default /message"`
	Author        string `json:"author,omitempty" jsonschema:"description=default /author"`
	ChangedPaths  string `json:"changed_paths,omitempty" jsonschema:"description=default /changed_paths: a list of texts"`
	DeliveryID    string `json:"delivery_id,omitempty" jsonschema:"description=default /delivery_id"`
}

// ParseWebhook implements sdk.WebhookParser.
func (c *connector) ParseWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.Webhook, error) {
	o, err := c.options.Decode(r)
	if err != nil {
		return sdk.Webhook{}, err
	}
	tolerance := defaultTolerance
	if o.Tolerance > 0 {
		tolerance = time.Duration(o.Tolerance) * time.Second
	}
	id, err := verify(r, c.now(), tolerance)
	if err != nil {
		return sdk.Webhook{}, err
	}
	kind, _, err := mime.ParseMediaType(r.Headers["content-type"])
	if err == nil && kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassInvalidConfig, "the content type is %.60q; send application/json", kind)
	}
	body, err := decode(r.Body)
	if err != nil {
		return sdk.Webhook{}, err
	}
	webhook, err := read(body, o)
	if webhook.Event == "" {
		webhook.Event = r.Headers[eventHeader]
	}
	if webhook.Event == "" && webhook.Occurred != nil {
		webhook.Event = string(webhook.Occurred.Kind)
	}
	if webhook.DeliveryID == "" {
		webhook.DeliveryID = id
	}
	return webhook, err
}

// decode reads one JSON object and nothing behind it.
func decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // an ID of twenty digits stays what it is
	var body map[string]any
	err := decoder.Decode(&body)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the object")
		}
	}
	if err != nil || body == nil {
		return nil, sdk.Errorf(sdk.ClassInvalidConfig, "the body is not one JSON object: %w", orNull(err))
	}
	return body, nil
}

func orNull(err error) error {
	if err == nil {
		return errors.New("it is null")
	}
	return err
}

// read makes of a body what it says.
func read(body any, o options) (sdk.Webhook, error) {
	f := fields{body: body}
	m := o.Mapping
	w := sdk.Webhook{Event: f.text(m.Event, "/event"), DeliveryID: f.text(m.DeliveryID, "/delivery_id")}
	e := &sdk.WebhookEvent{Kind: sdk.EventOther,
		Repository: f.text(m.Repository, "/repository"), RepositoryURL: f.text(m.RepositoryURL, "/repository_url"),
		Branch: f.text(m.Branch, "/branch"), Tag: f.text(m.Tag, "/tag"), Commit: f.text(m.Commit, "/commit"),
		Title: f.text(m.Title, "/title"), Message: f.text(m.Message, "/message"), Author: f.text(m.Author, "/author")}
	e.ChangedPaths, e.ChangedPathsKnown = f.list(m.ChangedPaths, "/changed_paths")
	if len(o.Variables) > 0 {
		e.Variables = make(map[string]string, len(o.Variables))
	}
	for name, at := range o.Variables {
		e.Variables[name] = f.text(at, "")
	}
	if tag, is := strings.CutPrefix(e.Branch, "refs/tags/"); is && e.Tag == "" {
		e.Branch, e.Tag = "", tag
	}
	e.Branch, e.Tag = strings.TrimPrefix(e.Branch, "refs/heads/"), strings.TrimPrefix(e.Tag, "refs/tags/")
	switch {
	case e.Tag != "":
		e.Kind = sdk.EventTag
	case e.Branch != "":
		e.Kind = sdk.EventPush
	}
	if e.Title == "" {
		line, _, _ := strings.Cut(e.Message, "\n")
		e.Title = strings.TrimSpace(line)
	}
	w.Occurred = e
	return w, f.err
}
