package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The operator's settings, of the server's environment.
const (
	// settingRoots has the folders, separated by commas, below which steps may choose
	// their targets.
	settingRoots = "PATCHBAY_DEPLOY_ROOTS"
	// settingMaxFiles and settingMaxBytes bound a release.
	settingMaxFiles = "PATCHBAY_DEPLOY_MAX_FILES"
	settingMaxBytes = "PATCHBAY_DEPLOY_MAX_BYTES"
)

// The bounds of a release where the operator does not say.
const (
	defaultMaxFiles = 250_000
	defaultMaxBytes = 20 << 30
)

// servicesFolder is where targets are that are not absolute, in the deploy folder.
const servicesFolder = "services"

// policy is what the operator lets steps do.
type policy struct {
	roots              []string
	maxFiles, maxBytes int64
	// err is why the settings cannot be used; then nothing is deployed.
	err error
}

// newPolicy reads the settings. What is wrong with one keeps everything from being
// deployed: to guess what an operator meant would be to let through what was to be kept out.
func newPolicy(setting func(string) string) *policy {
	p := &policy{maxFiles: defaultMaxFiles, maxBytes: defaultMaxBytes}
	var problems []error
	for item := range strings.SplitSeq(setting(settingRoots), ",") {
		switch item = strings.TrimSpace(item); {
		case item == "":
		case !filepath.IsAbs(item) || filepath.Clean(item) == "/":
			problems = append(problems, fmt.Errorf("%s has %q, which is no absolute path of a folder below /", settingRoots, item))
		default:
			p.roots = append(p.roots, filepath.Clean(item))
		}
	}
	for name, bound := range map[string]*int64{settingMaxFiles: &p.maxFiles, settingMaxBytes: &p.maxBytes} {
		if text := setting(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if *bound = n; err != nil || n < 1 {
				problems = append(problems, fmt.Errorf("%s is %q, which is no number from 1", name, text))
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		p.err = &sdk.Error{Class: sdk.ClassExternalService, Message: "the server's settings for deployments cannot be used: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			Suggestion: "the operator has to correct them"}
	}
	return p
}

// allows says whether a target may be asked for; an empty one may.
func (p *policy) allows(target string) error {
	_, _, err := p.find(string(filepath.Separator), target)
	return err
}

// find returns the folder that a target is below, and the target's path in it. It goes by
// the names alone: that no link leads out is seen to when the folder is opened.
func (p *policy) find(deployPath, target string) (root, name string, err error) {
	if p.err != nil {
		return "", "", p.err
	}
	if !filepath.IsAbs(target) {
		if target != "" && !filepath.IsLocal(target) || filepath.Clean(target) == "." && target != "" {
			return "", "", invalid("/target_directory", "give a name without leaving the services folder", "target_directory %q is not in the services folder", target)
		}
		return filepath.Join(deployPath, servicesFolder), filepath.Clean(target), nil
	}
	for _, root := range p.roots {
		if name, err := filepath.Rel(root, target); err == nil && name != "." && filepath.IsLocal(name) {
			return root, name, nil
		}
	}
	allowed := "none is"
	if len(p.roots) > 0 {
		allowed = "allowed are those below " + strings.Join(p.roots, ", ")
	}
	return "", "", invalid("/target_directory", "give a path relative to the services folder, or have the operator add the folder to "+settingRoots,
		"target_directory %s is not below a folder that the operator allows; %s", target, allowed)
}

// open opens the folder that a target is below, out of which no link leads.
func (p *policy) open(deployPath, target string) (*os.Root, string, error) {
	folder, name, err := p.find(deployPath, target)
	if err != nil {
		return nil, "", err
	}
	if !filepath.IsAbs(target) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, "", fmt.Errorf("make the services folder: %w", err)
		}
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, "", &sdk.Error{Class: sdk.ClassExternalService, Message: fmt.Sprintf("the folder %s, below which the target is, cannot be opened: %v", folder, err),
			Suggestion: "the operator has to make it, or to correct " + settingRoots, Err: err}
	}
	return root, name, nil
}
