package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core/api/client"
)

// defaultURL is where `patchbay server` listens unless told otherwise.
const defaultURL = "http://127.0.0.1:8000"

// maxAnswer bounds what is read of an answer that is shown as a whole.
const maxAnswer = 64 << 20

// remote is a server as the client commands see it.
type remote struct {
	api   *client.Client
	url   string
	token string
}

// newRemote uses PATCHBAY_URL and PATCHBAY_TOKEN.
func (a *app) newRemote() (*remote, error) {
	r := &remote{url: strings.TrimSuffix(a.getenv("PATCHBAY_URL"), "/"), token: a.getenv("PATCHBAY_TOKEN")}
	if r.url == "" {
		r.url = defaultURL
	}
	if address, err := url.Parse(r.url); err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, &exitError{exitUsage, fmt.Errorf("PATCHBAY_URL is %q; it must be like %s", r.url, defaultURL)}
	}
	api, err := client.NewClient(r.url+"/api", client.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		if r.token != "" {
			request.Header.Set("Authorization", "Bearer "+r.token)
		}
		request.Header.Set("User-Agent", "patchbay/"+version)
		return nil
	}))
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("PATCHBAY_URL is %q: %w", r.url, err)}
	}
	r.api = api
	return r, nil
}

// read returns the body of a good answer, and the server's words of a bad one.
func (r *remote) read(response *http.Response, err error) ([]byte, error) {
	body, err := r.stream(response, err)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return nil, &exitError{exitFailed, fmt.Errorf("the answer of %s broke off: %w", r.url, err)}
	}
	return data, nil
}

// stream is read for bodies that go on.
func (r *remote) stream(response *http.Response, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, &unreachable{exitError{exitFailed, fmt.Errorf("%s cannot be reached: %w; is the server running, and is PATCHBAY_URL right?", r.url, err)}}
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response.Body, nil
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, &exitError{exitFailed, err}
	}
	refused := exitError{exitFailed, errors.New(refusal(response, data))}
	switch response.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // a proxy whose server restarts
		return nil, &unreachable{refused}
	}
	return nil, &refused
}

// invalidFile gives the refusal of a file the exit code that validate has for it.
func invalidFile(err error) error {
	var refused *exitError
	if errors.As(err, &refused) && strings.HasPrefix(refused.Error(), invalidPipeline) {
		return &exitError{exitUsage, refused.err}
	}
	return err
}

// invalidPipeline is how the API begins its answer to a file with errors.
const invalidPipeline = "the pipeline is not valid"

// unreachable is an error that trying again may mend.
type unreachable struct{ exitError }

func (u *unreachable) Unwrap() error { return &u.exitError }

// refusal puts an error of the API into lines for people.
func refusal(response *http.Response, data []byte) string {
	var e client.Error
	if json.Unmarshal(data, &e) != nil || e.Message == "" {
		return fmt.Sprintf("%s: %s", response.Status, strings.TrimSpace(string(data)))
	}
	text := e.Message
	if e.Details != "" {
		text += "\n" + strings.TrimSpace(e.Details)
	}
	for _, suggestion := range e.Suggestions {
		text += "\n  → " + suggestion
	}
	if e.Status == http.StatusUnauthorized {
		text += "\n  → set PATCHBAY_TOKEN"
	}
	return text
}

// show prints an answer: as it is for programs, or by print for people.
func show[T any](a *app, data []byte, print func(T)) error {
	if a.output == "json" {
		_, err := a.stdout.Write(append([]byte(strings.TrimSpace(string(data))), '\n'))
		return err
	}
	var value T
	if err := json.Unmarshal(data, &value); err != nil {
		return &exitError{exitFailed, fmt.Errorf("the server's answer cannot be read: %w", err)}
	}
	print(value)
	return nil
}

// when shows a time to a person.
func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
