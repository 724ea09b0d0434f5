// Command patchbay-connector-webhook reads signed deliveries of any sender, and sends
// them. See README.md.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
