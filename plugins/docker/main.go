// Command patchbay-connector-docker runs steps in containers of a Docker Engine.
// See README.md.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
