package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// post sets a status; see https://docs.github.com/en/rest/commits/statuses
func (c *connector) post(ctx context.Context, api, token, repository, commit string, body status) error {
	name, err := repositoryOf(repository)
	if err != nil {
		return err
	}
	switch {
	case token == "":
		return &sdk.Error{Class: sdk.ClassAuthentication, Message: "there is no token for GitHub", Suggestion: "set the secret " + tokenName + "; a step must name it in its secrets, too"}
	case !commitForm.MatchString(commit):
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.80q is no full hash of a commit", commit), Pointer: "/commit"}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(api, "/")+"/repos/"+name+"/statuses/"+commit, bytes.NewReader(data))
	if err != nil || request.URL.Host == "" {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.100q is no address of an API", api), Suggestion: "write it as https://github.example.com/api/v3"}
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	request.Header.Set("User-Agent", "patchbay-connector-github/"+version)
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
		return sdk.Errorf(sdk.ClassTimeout, "GitHub did not answer in time: %w", err)
	}
	return sdk.Errorf(sdk.ClassExternalService, "GitHub cannot be reached: %w", err)
}

// refusal says what GitHub has against it, with a class that tells whether to try again.
func refusal(response *http.Response, answer []byte) error {
	code := response.StatusCode
	if code < 300 {
		return nil
	}
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(answer, &said) // a proxy may answer with a page
	text := strings.TrimSpace(fmt.Sprintf("GitHub answers %s %.300s", response.Status, said.Message))
	e := &sdk.Error{Class: sdk.ClassExternalService, Message: text}
	limited := response.Header.Get("Retry-After") != "" || response.Header.Get("X-RateLimit-Remaining") == "0"
	switch {
	case code == http.StatusTooManyRequests || code == http.StatusForbidden && limited:
		e.Suggestion = "the limit of requests is reached; try again " + retryAt(response.Header)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.Class, e.Suggestion = sdk.ClassAuthentication, "the token in "+tokenName+" must be valid and may set commit statuses"
	case code == http.StatusNotFound:
		e.Class, e.Suggestion = sdk.ClassNotFound, "there is no such repository, or the token may not see it"
	case code < 500:
		e.Class = sdk.ClassInvalidConfig
	}
	return e
}

func retryAt(header http.Header) string {
	if seconds := header.Get("Retry-After"); seconds != "" {
		return "in " + seconds + " seconds"
	}
	var at int64
	if _, err := fmt.Sscan(header.Get("X-RateLimit-Reset"), &at); err != nil {
		return "later"
	}
	return "at " + time.Unix(at, 0).UTC().Format(time.RFC3339)
}
