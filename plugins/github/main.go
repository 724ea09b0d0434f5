// Command patchbay-connector-github reads GitHub's webhooks and tells GitHub how runs
// stand. See README.md.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
