// Command patchbay-connector-deploy takes files of a run live on the machine that Patchbay
// runs on: as a folder, or as a service with processes. See README.md.
package main

import (
	"os"

	"github.com/patchbay-ci/patchbay/sdk"
)

func main() {
	if os.Getenv(keeperEnv) != "" {
		os.Exit(keep(os.Stdin, os.Stdout))
	}
	sdk.Serve(newConnector(os.Getenv))
}
