// Command patchbay-connector-shell runs steps as shell commands on the machine
// that Patchbay runs on. See README.md.
package main

import (
	"runtime"

	"github.com/patchbay-ci/patchbay/sdk"
)

func main() {
	c := newConnector()
	c.processors.begin(runtime.GOMAXPROCS)
	sdk.Serve(c)
}
