// Command patchbay-connector-shell runs steps as shell commands on the machine
// that Patchbay runs on. See README.md.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
