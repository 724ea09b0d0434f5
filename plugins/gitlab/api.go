package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// post sets a status; see https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
func (c *connector) post(ctx context.Context, api, token, repository, commit string, body status) error {
	name, err := projectOf(repository)
	if err != nil {
		return err
	}
	switch {
	case token == "":
		return &sdk.Error{Class: sdk.ClassAuthentication, Message: "there is no token for GitLab", Suggestion: "set the secret " + tokenName + "; a step must name it in its secrets, too"}
	case !commitForm.MatchString(commit):
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.80q is no full hash of a commit", commit), Pointer: "/commit"}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	address := strings.TrimSuffix(api, "/") + "/projects/" + url.PathEscape(name) + "/statuses/" + commit
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(data))
	if err != nil || request.URL.Host == "" {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.100q is no address of an API", api), Suggestion: "write it as https://gitlab.example.com/api/v4"}
	}
	// Go leaves this header out of a redirect to another host; of GitLab's own,
	// Private-Token, it would not.
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "patchbay-connector-gitlab/"+version)
	response, err := c.http.Do(request)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // only to explain a refusal
	return refusal(response, answer)
}

func unreachable(ctx context.Context, err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &timeout) && timeout.Timeout():
		return sdk.Errorf(sdk.ClassTimeout, "GitLab did not answer in time: %w", err)
	}
	return sdk.Errorf(sdk.ClassExternalService, "GitLab cannot be reached: %w", err)
}

// refusal says what GitLab has against it, with a class that tells whether to try again.
func refusal(response *http.Response, answer []byte) error {
	code := response.StatusCode
	if code < 300 {
		return nil
	}
	var said struct {
		// Message is a text, or an object of lists.
		Message json.RawMessage `json:"message"`
		Error   string          `json:"error"`
	}
	_ = json.Unmarshal(answer, &said) // a proxy may answer with a page
	if code == http.StatusBadRequest && alreadyThere(string(said.Message)) {
		return nil
	}
	text := strings.TrimSpace(fmt.Sprintf("GitLab answers %s %.300s", response.Status, said.Error+strings.Trim(string(said.Message), `"`)))
	e := &sdk.Error{Class: sdk.ClassExternalService, Message: text}
	switch {
	case code == http.StatusTooManyRequests:
		e.Suggestion = "the limit of requests is reached; try again later"
		if seconds := response.Header.Get("Retry-After"); seconds != "" {
			e.Suggestion = "the limit of requests is reached; try again in " + seconds + " seconds"
		}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.Class, e.Suggestion = sdk.ClassAuthentication, "the token in "+tokenName+" needs the scope api and at least the role Developer"
	case code == http.StatusNotFound:
		e.Class, e.Suggestion = sdk.ClassNotFound, "there is no such project or commit, or the token may not see it"
	case code < 500:
		e.Class = sdk.ClassInvalidConfig
	}
	return e
}

// alreadyThere: GitLab refuses to give a status the state that it has, which is what
// the second try of a report does.
func alreadyThere(message string) bool {
	for event, state := range map[string]string{"enqueue": "pending", "run": "running", "success": "success", "drop": "failed", "cancel": "canceled"} {
		if strings.Contains(message, "Cannot transition status via :"+event+" from :"+state) {
			return true
		}
	}
	return false
}
