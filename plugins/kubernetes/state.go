package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// savedState is what the host keeps for an attempt. It is saved before anything is
// made, so that what a crash leaves can be found: DestroyStep is told no config.
type savedState struct {
	Job       string `json:"job"`
	Namespace string `json:"namespace"`
	Context   string `json:"context,omitempty"`
	// OwnKubeconfig is set when the kubeconfig came with the step; see keepKubeconfig.
	OwnKubeconfig bool `json:"own_kubeconfig,omitempty"`
	// UID is the Job's; empty until it has been made.
	UID string `json:"uid,omitempty"`
	// Marks are places in the log, the oldest first.
	Marks []mark `json:"marks,omitempty"`
}

func readState(data []byte) (savedState, error) {
	var state savedState
	if len(data) == 0 {
		return state, nil
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return state, fmt.Errorf("read the attempt's state: %w", err)
	}
	return state, nil
}

func (s *savedState) save(to *sdk.Session) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the attempt's state: %w", err)
	}
	return to.SaveState(data)
}

// kubeconfigFile is in the attempt's folder, where nobody else gets, until the host
// removes that.
const kubeconfigFile = "kubeconfig"

// keepKubeconfig keeps the kubeconfig that came as a secret for DestroyStep, which is
// given no secrets.
func keepKubeconfig(step sdk.Step, access cluster.Access) error {
	if access.Kubeconfig == "" {
		return nil
	}
	file := filepath.Join(step.Workspace.AttemptPath, kubeconfigFile)
	if err := os.WriteFile(file, []byte(step.Secrets[access.Kubeconfig]), 0o600); err != nil {
		return fmt.Errorf("keep the kubeconfig: %w", err)
	}
	return nil
}

// cluster returns where the attempt has its things.
func (s *savedState) cluster(workspace sdk.Workspace) (*cluster.Cluster, error) {
	access := cluster.Access{Namespace: s.Namespace, Context: s.Context}
	if !s.OwnKubeconfig {
		return cluster.Open(access, nil)
	}
	text, err := os.ReadFile(filepath.Join(workspace.AttemptPath, kubeconfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sdk.Errorf(sdk.ClassExternalService, "the kubeconfig that came with the step is gone; "+
			"the cluster removes the Job %s by itself %s after its end", s.Job, keptFor)
	}
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	return cluster.OpenText(text, access)
}
