package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// The secrets, and the one variable of the environment, that the connector looks for.
const (
	tokenName = "GITHUB_TOKEN"
	apiName   = "GITHUB_API_URL"
)

// connector reads deliveries and sets statuses. It keeps nothing between calls.
//
// The payloads are small structs of its own and the REST API is called directly: the
// dozen fields that are wanted of them are not worth the size and the start of a client
// for all of GitHub.
type connector struct {
	*sdk.Actions
	http *http.Client
	// environment has the default of the API's address.
	environment func(name string) string
}

func newConnector() *connector {
	c := &connector{http: &http.Client{Timeout: 30 * time.Second}, environment: os.Getenv}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "github", Version: version, Summary: "Webhooks and commit statuses of GitHub and GitHub Enterprise",
			Secrets: []sdk.SecretInfo{
				{Name: tokenName, Help: "token that may set commit statuses (repo:status, or Commit statuses: write)"},
				{Name: apiName, Help: "address of the API of a GitHub Enterprise Server: https://github.example.com/api/v3"},
			},
			Webhook: sdk.WebhookInfo{Headers: []string{eventHeader}}},
		sdk.NewAction("create-status", "Set the status of a commit", c.setStatus),
		sdk.NewAction("update-status", "The same as create-status: GitHub shows the latest one of a context", c.setStatus),
	)
	return c
}

// ValidateConfig implements sdk.ConfigValidator.
func (c *connector) ValidateConfig(_ context.Context, r sdk.ValidateRequest) ([]sdk.Diagnostic, error) {
	return c.CheckConfig(r)
}
