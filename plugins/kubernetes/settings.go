package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What an operator decides, by the server's environment.
const (
	hostNodeSetting   = "PATCHBAY_KUBERNETES_HOSTPATH_NODE"
	helperSetting     = "PATCHBAY_KUBERNETES_HELPER_IMAGE"
	cloneSetting      = "PATCHBAY_KUBERNETES_CLONE_IMAGE"
	copyLimitSetting  = "PATCHBAY_KUBERNETES_COPY_LIMIT"
	defaultCloneImage = "docker.io/alpine/git:2.49.1"
	defaultCopyLimit  = "4Gi"
)

// settings are the operator's.
type settings struct {
	// hostNode is the name of the node that is this machine, where steps may have the
	// workspace itself; empty when they may not.
	hostNode string
	// helperImage has sh and tar; empty for the step's own image.
	helperImage string
	cloneImage  string
	// copyLimit is how many bytes of files are copied into a pod or out of it.
	copyLimit int64
}

func readSettings() (settings, error) {
	s := settings{hostNode: os.Getenv(hostNodeSetting), helperImage: os.Getenv(helperSetting),
		cloneImage: os.Getenv(cloneSetting)}
	if s.cloneImage == "" {
		s.cloneImage = defaultCloneImage
	}
	text := os.Getenv(copyLimitSetting)
	if text == "" {
		text = defaultCopyLimit
	}
	limit, err := resource.ParseQuantity(text)
	if err != nil {
		return s, fmt.Errorf("the server's setting %s: %q is not a size such as 4Gi", copyLimitSetting, text)
	}
	s.copyLimit = limit.Value()
	return s, nil
}
