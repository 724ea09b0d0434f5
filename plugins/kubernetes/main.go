// Command patchbay-connector-kubernetes runs steps as Jobs of a Kubernetes cluster.
// See README.md.
package main

import "github.com/patchbay-ci/patchbay/sdk"

func main() { sdk.Serve(newConnector()) }
