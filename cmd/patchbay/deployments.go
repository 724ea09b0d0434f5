package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/core/config"
	"github.com/patchbay-ci/patchbay/core/deploy"
)

// newDeployments makes what looks after services. Its folder outlives runs, and is left as
// it is by everything else.
func newDeployments(n *node, settings config.Server) (*deploy.Manager, error) {
	first, last, err := settings.Deploy.Range()
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(filepath.Join(settings.Data, "services"))
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	name := settings.Deploy.Node
	if name == "" {
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("this machine has no name (%w): set node in the config file", err)
		}
	}
	return deploy.New(deploy.Options{Store: n.store, Connectors: n.host, Secrets: n.secrets, Logger: n.log.Named("deploy"), Node: name, Folder: folder,
		NewID: newID, Address: settings.Deploy.Address, FirstPort: first, LastPort: last, Keep: settings.Deploy.Keep}), nil
}
