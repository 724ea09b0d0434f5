package main

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// defaultAPI is that of github.com.
const defaultAPI = "https://api.github.com"

// maxDescription is GitHub's own bound, in characters.
const maxDescription = 140

// statusConfig is what a step says.
type statusConfig struct {
	Repository  string `json:"repository" jsonschema:"required,description=owner/name\\, or the repository's address"`
	Commit      string `json:"commit,omitempty" jsonschema:"description=The commit's full hash"`
	SHA         string `json:"sha,omitempty" jsonschema:"description=The same as commit"`
	State       string `json:"state" jsonschema:"required,enum=error,enum=failure,enum=pending,enum=success"`
	Description string `json:"description,omitempty" jsonschema:"description=One line; GitHub shows 140 characters"`
	Context     string `json:"context,omitempty" jsonschema:"default=patchbay,description=Tells the statuses of one commit apart"`
	TargetURL   string `json:"target_url,omitempty" jsonschema:"description=Where more can be read"`
	APIURL      string `json:"api_url,omitempty" jsonschema:"description=Of a GitHub Enterprise Server: https://github.example.com/api/v3"`
}

// CheckConfig checks what the schema cannot.
func (c *statusConfig) CheckConfig() error {
	if (c.Commit == "") == (c.SHA == "") {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "a status needs a commit", Suggestion: "give one of commit and sha"}
	}
	_, err := repositoryOf(c.Repository)
	return err
}

// status is the body of GitHub's request.
type status struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description,omitempty"`
	Context     string `json:"context"`
}

// setStatus is the action. Done again after a crash, it sets the same status again.
func (c *connector) setStatus(ctx context.Context, r sdk.Request[statusConfig], s *sdk.Session) (sdk.Result, error) {
	config := r.Config
	api := config.APIURL
	if api == "" {
		api = c.api(r.Step.Secrets)
	}
	commit := config.Commit + config.SHA
	err := c.post(ctx, api, r.Step.Secrets[tokenName], config.Repository, commit,
		status{State: config.State, TargetURL: config.TargetURL, Description: short(config.Description), Context: config.Context})
	if err != nil {
		if _, cancelled := sdk.CancelGrace(ctx); cancelled {
			return sdk.Cancelled(), nil
		}
		return sdk.Result{}, err
	}
	_, err = fmt.Fprintf(s.Stdout(), "%s of %s is %s\n", config.Context, commit, config.State)
	return sdk.Succeeded(), err
}

// ReportStatus implements sdk.StatusReporter.
func (c *connector) ReportStatus(ctx context.Context, r sdk.StatusReport) error {
	states := map[sdk.RunState]string{sdk.RunPending: "pending", sdk.RunRunning: "pending", sdk.RunSuccess: "success",
		sdk.RunFailed: "failure", sdk.RunCancelled: "error"}
	state, known := states[r.State]
	if !known {
		return sdk.Errorf(sdk.ClassInvalidConfig, "there is no state %q", r.State)
	}
	return c.post(ctx, c.api(r.Secrets), r.Secrets[tokenName], r.Repository, r.Commit,
		status{State: state, TargetURL: r.URL, Description: short(r.Description), Context: r.Context})
}

// api is where the API is. It is never taken from a repository's address, which the
// sender of a delivery has chosen: the token goes there.
func (c *connector) api(secrets map[string]string) string {
	for _, address := range []string{secrets[apiName], c.environment(apiName)} {
		if address != "" {
			return address
		}
	}
	return defaultAPI
}

var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
	commitForm     = regexp.MustCompile(`^[0-9A-Fa-f]{40}([0-9A-Fa-f]{24})?$`)
)

// repositoryOf returns owner/name of what may be an address.
func repositoryOf(text string) (string, error) {
	name := text
	if address, err := url.Parse(text); err == nil && address.Host != "" {
		name = strings.Trim(address.Path, "/")
	} else if _, path, found := strings.Cut(text, ":"); found {
		name = path
	}
	name = strings.TrimSuffix(name, ".git")
	if !repositoryForm.MatchString(name) || strings.Contains("/"+name+"/", "/../") || strings.Contains("/"+name+"/", "/./") {
		return "", &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.100q is no repository of GitHub", text),
			Pointer: "/repository", Suggestion: "write owner/name"}
	}
	return name, nil
}

// short cuts a description to what GitHub takes.
func short(text string) string {
	if r := []rune(text); len(r) > maxDescription {
		return string(r[:maxDescription-1]) + "…"
	}
	return text
}
