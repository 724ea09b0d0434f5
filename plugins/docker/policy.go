package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The operator's settings, of the server's environment. Lists are separated by
// commas.
const (
	settingVolumes      = "PATCHBAY_DOCKER_VOLUMES"
	settingNetworks     = "PATCHBAY_DOCKER_NETWORKS"
	settingCapabilities = "PATCHBAY_DOCKER_CAPABILITIES"
	settingPrivileged   = "PATCHBAY_DOCKER_PRIVILEGED"
	settingMemory       = "PATCHBAY_DOCKER_MEMORY"
	settingMemoryMax    = "PATCHBAY_DOCKER_MEMORY_MAX"
	settingCPU          = "PATCHBAY_DOCKER_CPU"
	settingCPUMax       = "PATCHBAY_DOCKER_CPU_MAX"
	settingPids         = "PATCHBAY_DOCKER_PIDS"
	settingPidsMax      = "PATCHBAY_DOCKER_PIDS_MAX"
)

// policy is what the operator lets steps do. Without any setting: nothing of the
// machine's.
type policy struct {
	volumes      []allowedVolume
	networks     []string // names; * stands for any text
	capabilities []string // that may be added
	privileged   bool
	memory       bounds[size]
	cpu          bounds[cpus]
	pids         bounds[int64]
	// err is why the settings cannot be used; then no step runs.
	err error
}

// allowedVolume is a folder of the machine, or a pattern of volumes' names.
type allowedVolume struct {
	source   string
	readOnly bool
}

// bounds is what a step gets that asks for nothing, and the most it may ask for; 0
// is no bound.
type bounds[T cmp.Ordered] struct{ usual, most T }

// standard is the default, which is never beyond the maximum.
func (b bounds[T]) standard() T {
	var none T
	if b.most != none && (b.usual == none || b.usual > b.most) {
		return b.most
	}
	return b.usual
}

// newPolicy reads the settings. What is wrong with one keeps every step from running:
// to guess what an operator meant would be to let through what was to be kept out.
func newPolicy(setting func(string) string) *policy {
	p := &policy{pids: bounds[int64]{usual: defaultPids}, networks: items(setting(settingNetworks)), capabilities: addableCapabilities}
	var problems []error
	for _, item := range items(setting(settingVolumes)) {
		problems = append(problems, p.allowVolume(item))
	}
	problems = append(problems, p.noFolderBelowAWritableOne())
	if names := items(setting(settingCapabilities)); len(names) > 0 {
		p.capabilities = nil
		for _, name := range names {
			if name = capability(name); name != "NONE" {
				p.capabilities = append(p.capabilities, name)
			}
		}
	}
	if text := setting(settingPrivileged); text != "" {
		allowed, err := strconv.ParseBool(text)
		if p.privileged = allowed; err != nil {
			problems = append(problems, fmt.Errorf("%s is %q, neither true nor false", settingPrivileged, text))
		}
	}
	pids := func(text string) (int64, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%q is no number of processes", text)
		}
		return n, nil
	}
	problems = append(problems,
		readBound(setting, settingMemory, parseSize, &p.memory.usual), readBound(setting, settingMemoryMax, parseSize, &p.memory.most),
		readBound(setting, settingCPU, parseCPUs, &p.cpu.usual), readBound(setting, settingCPUMax, parseCPUs, &p.cpu.most),
		readBound(setting, settingPids, pids, &p.pids.usual), readBound(setting, settingPidsMax, pids, &p.pids.most))
	if err := errors.Join(problems...); err != nil {
		p.err = &sdk.Error{Class: sdk.ClassExternalService, Err: err,
			Message:    "the operator's settings for containers cannot be used: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			Suggestion: "correct them in the server's environment and restart it"}
	}
	return p
}

// operatorPolicy is the policy of this process's environment.
func operatorPolicy() *policy { return newPolicy(os.Getenv) }

func readBound[T any](setting func(string) string, name string, parse func(string) (T, error), into *T) error {
	text := setting(name)
	if text == "" {
		return nil
	}
	value, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	*into = value
	return nil
}

// allowVolume reads /folder[:ro|rw] or name[:ro|rw].
func (p *policy) allowVolume(item string) error {
	source, mode, _ := strings.Cut(item, ":")
	isPath := path.IsAbs(source)
	switch {
	case mode != "" && mode != "ro" && mode != "rw":
		return fmt.Errorf("%s: %q is not of the form /folder, /folder:ro or name", settingVolumes, item)
	case isPath && (path.Clean(source) != source || source == "/"):
		return fmt.Errorf("%s: %q is not a plain path of a folder below /", settingVolumes, source)
	case !isPath && !objectName.MatchString(strings.ReplaceAll(source, "*", "x")):
		return fmt.Errorf("%s: %q is neither an absolute path nor the name of a volume", settingVolumes, source)
	}
	p.volumes = append(p.volumes, allowedVolume{source: source, readOnly: mode == "ro"})
	return nil
}

// noFolderBelowAWritableOne: a step that may write to the outer folder could put a
// symbolic link in the place of the inner one, and the Engine would follow it.
func (p *policy) noFolderBelowAWritableOne() error {
	for _, outer := range p.volumes {
		for _, inner := range p.volumes {
			if path.IsAbs(outer.source) && !outer.readOnly && inner.source != outer.source && within(inner.source, outer.source) {
				return fmt.Errorf("%s: %s lies in %s, where steps may write: they could put a link in its place", settingVolumes, inner.source, outer.source)
			}
		}
	}
	return nil
}

// allows checks what a step asks for.
func (p *policy) allows(c *config) error {
	if p.err != nil {
		return p.err
	}
	checks := []error{c.limits.allowed(p, ""), c.isolation.allowed(p, ""), c.networking.allowed(p), p.allowsVolumes("", c.Volumes)}
	for i := range c.Services {
		at := fmt.Sprintf("/services/%d", i)
		s := &c.Services[i]
		checks = append(checks, s.limits.allowed(p, at), s.isolation.allowed(p, at), p.allowsVolumes(at, s.Volumes))
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// allowsVolumes lets through exactly the folders that the operator named, none below
// them: what is below may be a symbolic link by the time the Engine mounts it.
func (p *policy) allowsVolumes(at string, volumes []volume) error {
	var named []string
	for _, a := range p.volumes {
		named = append(named, a.String())
	}
	for i, v := range volumes {
		here := fmt.Sprintf("%s/volumes/%d", at, i)
		index := slices.IndexFunc(p.volumes, func(a allowedVolume) bool { return a.fits(v) })
		switch {
		case index < 0:
			return refused(here, settingVolumes, "%s may not be mounted here; allowed are: %s", v.Source, listed(named))
		case p.volumes[index].readOnly && !v.ReadOnly:
			return invalid(here, "write "+v.Source+":"+v.Target+":ro", "%s may only be mounted read-only here", v.Source)
		}
	}
	return nil
}

func (a allowedVolume) fits(v volume) bool {
	if path.IsAbs(a.source) || v.isHostPath() {
		return a.source == v.Source
	}
	return matches(a.source, v.Source)
}

func (a allowedVolume) String() string {
	if a.readOnly {
		return a.source + " (read-only)"
	}
	return a.source
}

// matches reports whether a name fits a pattern, in which * stands for any text.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// refused is the error of what only the operator can allow.
func refused(pointer, setting, format string, args ...any) error {
	return invalid(pointer, "ask the operator, who allows it by the server's variable "+setting, format, args...)
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func items(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
