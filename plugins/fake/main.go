// Command patchbay-connector-fake is a connector that misbehaves on request, for
// tests of what has to live with connectors. See README.md.
package main

import (
	"os"

	"github.com/patchbay-ci/patchbay/sdk"
)

func main() {
	if os.Getenv(serviceEnv) != "" {
		serveInstance()
	}
	sdk.Serve(newConnector())
}
