// Command patchbay-connector-kubernetes runs steps as Jobs of a Kubernetes cluster, and
// deploys to it. See README.md.
package main

import (
	"io"

	"k8s.io/klog/v2"

	"github.com/patchbay-ci/patchbay/sdk"
)

func main() {
	// The libraries log what they return as an error as well.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	sdk.Serve(newConnector())
}
