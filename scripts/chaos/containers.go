//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// containers lists those that steps of the stand have left, running or not.
func (s *stand) containers(ctx context.Context) ([]string, error) {
	all, err := exec.CommandContext(ctx, "docker", "ps", "--all", "--quiet", "--filter", "label=ci.patchbay.attempt").Output()
	if err != nil {
		return nil, fmt.Errorf("docker ps: %w", err)
	}
	var left []string
	for _, id := range strings.Fields(string(all)) {
		environment, err := exec.CommandContext(ctx, "docker", "inspect", "--format", "{{.Config.Env}} {{.State.Status}}", id).Output()
		if err != nil {
			continue // it is gone by now, so it was another's
		}
		if strings.Contains(string(environment), envStand+"="+s.root) {
			left = append(left, id)
		}
	}
	return left, nil
}
