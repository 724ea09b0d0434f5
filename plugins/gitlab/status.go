package main

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// defaultAPI is that of gitlab.com.
const defaultAPI = "https://gitlab.com/api/v4"

// maxDescription is GitLab's own bound, in characters.
const maxDescription = 255

// statusConfig is what a step says.
type statusConfig struct {
	Repository  string `json:"repository,omitempty" jsonschema:"description=group/name\\, or the project's address"`
	ProjectID   string `json:"project_id,omitempty" jsonschema:"description=The project's number or path; the same as repository"`
	Commit      string `json:"commit,omitempty" jsonschema:"description=The commit's full hash"`
	SHA         string `json:"sha,omitempty" jsonschema:"description=The same as commit"`
	State       string `json:"state" jsonschema:"required,enum=pending,enum=running,enum=success,enum=failed,enum=canceled,enum=skipped"`
	Description string `json:"description,omitempty" jsonschema:"description=One line; GitLab keeps 255 characters"`
	Context     string `json:"context,omitempty" jsonschema:"default=patchbay,description=Tells the statuses of one commit apart"`
	Ref         string `json:"ref,omitempty" jsonschema:"description=The branch or tag\\, for a commit of several"`
	TargetURL   string `json:"target_url,omitempty" jsonschema:"description=Where more can be read"`
	APIURL      string `json:"api_url,omitempty" jsonschema:"description=Of a self-managed GitLab: https://gitlab.example.com/api/v4"`
}

// CheckConfig checks what the schema cannot.
func (c *statusConfig) CheckConfig() error {
	if (c.Commit == "") == (c.SHA == "") {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "a status needs a commit", Suggestion: "give one of commit and sha"}
	}
	if (c.Repository == "") == (c.ProjectID == "") {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "a status needs a project", Suggestion: "give one of repository and project_id"}
	}
	_, err := projectOf(c.Repository + c.ProjectID)
	return err
}

// status is the body of GitLab's request.
type status struct {
	State       string `json:"state"`
	Name        string `json:"name"`
	Ref         string `json:"ref,omitempty"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description,omitempty"`
}

// setStatus is the action. Done again after a crash, it sets the same status again.
func (c *connector) setStatus(ctx context.Context, r sdk.Request[statusConfig], s *sdk.Session) (sdk.Result, error) {
	config := r.Config
	api := config.APIURL
	if api == "" {
		api = c.api(r.Step.Secrets)
	}
	commit := config.Commit + config.SHA
	err := c.post(ctx, api, r.Step.Secrets[tokenName], config.Repository+config.ProjectID, commit, status{State: config.State,
		Name: config.Context, Ref: config.Ref, TargetURL: config.TargetURL, Description: short(config.Description)})
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
	states := map[sdk.RunState]string{sdk.RunPending: "pending", sdk.RunRunning: "running", sdk.RunSuccess: "success",
		sdk.RunFailed: "failed", sdk.RunCancelled: "canceled"}
	state, known := states[r.State]
	if !known {
		return sdk.Errorf(sdk.ClassInvalidConfig, "there is no state %q", r.State)
	}
	return c.post(ctx, c.api(r.Secrets), r.Secrets[tokenName], r.Repository, r.Commit,
		status{State: state, Name: r.Context, TargetURL: r.URL, Description: short(r.Description)})
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
	projectForm = regexp.MustCompile(`^([0-9]+|[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+)$`)
	commitForm  = regexp.MustCompile(`^[0-9A-Fa-f]{40}([0-9A-Fa-f]{24})?$`)
)

// projectOf returns the number or the path of what may be an address.
func projectOf(text string) (string, error) {
	name := text
	if address, err := url.Parse(text); err == nil && address.Host != "" {
		name = strings.Trim(address.Path, "/")
	} else if _, path, found := strings.Cut(text, ":"); found {
		name = path
	}
	name = strings.TrimSuffix(name, ".git")
	if !projectForm.MatchString(name) {
		return "", &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.100q is no project of GitLab", text),
			Pointer: "/repository", Suggestion: "write group/name"}
	}
	return name, nil
}

// short cuts a description to what GitLab takes.
func short(text string) string {
	if r := []rune(text); len(r) > maxDescription {
		return string(r[:maxDescription-1]) + "…"
	}
	return text
}
