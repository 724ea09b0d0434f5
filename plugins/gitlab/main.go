// Command patchbay-connector-gitlab reads GitLab's webhooks and tells GitLab how runs
// stand. See README.md.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
