// Command patchbay-connector-checksum is a Patchbay connector that writes and
// verifies SHA-256 sums of files in the workspace. It is the example of
// PLUGINS.md: a module of its own that imports nothing of Patchbay but its SDK.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
