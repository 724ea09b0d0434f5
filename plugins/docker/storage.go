package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/invopop/jsonschema"
)

// storage is what a container has mounted besides the workspace.
type storage struct {
	Volumes []volume `json:"volumes,omitempty" jsonschema:"maxItems=64" jsonschema_description:"Folders of the machine or volumes of the Engine, as the operator allows: source:/target or source:/target:ro"`
	Tmpfs   words    `json:"tmpfs,omitempty" jsonschema_description:"Folders in memory: /path, or /path:size=64m,mode=1777,exec"`
}

// volume is a folder of the machine (an absolute path) or a volume of the Engine's
// (a name), and where the container has it.
type volume struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only"`
}

// UnmarshalJSON reads source:target[:ro|rw], or an object.
func (v *volume) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		type plain volume
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		return decoder.Decode((*plain)(v))
	}
	parts := strings.Split(text, ":")
	if len(parts) == 3 && (parts[2] == "ro" || parts[2] == "rw") {
		v.ReadOnly = parts[2] == "ro"
		parts = parts[:2]
	}
	if len(parts) != 2 {
		return fmt.Errorf("the volume %q is not of the form source:/target or source:/target:ro", text)
	}
	v.Source, v.Target = parts[0], parts[1]
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (volume) JSONSchema() *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set("source", &jsonschema.Schema{Type: "string"})
	properties.Set("target", &jsonschema.Schema{Type: "string"})
	properties.Set("read_only", &jsonschema.Schema{Type: "boolean"})
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string", Pattern: "^[^:]+:/[^:]*(:r[ow])?$"},
		{Type: "object", Properties: properties, Required: []string{"source", "target"}, AdditionalProperties: jsonschema.FalseSchema}}}
}

func (v *volume) isHostPath() bool { return strings.HasPrefix(v.Source, "/") }

// check refuses what is nowhere, twice, or over what the connector itself mounts.
func (s *storage) check(at string) error {
	var targets []string
	for i, v := range s.Volumes {
		here := fmt.Sprintf("%s/volumes/%d", at, i)
		switch {
		case !v.isHostPath() && !objectName.MatchString(v.Source):
			return invalid(here, "write an absolute path or the name of a volume; the workspace is at /workspace anyway",
				"%q is neither an absolute path nor the name of a volume", v.Source)
		case v.isHostPath() && path.Clean(v.Source) != v.Source:
			return invalid(here, "write "+path.Clean(v.Source), "the path %q goes round about", v.Source)
		}
		if err := mountable(here, v.Target, targets); err != nil {
			return err
		}
		targets = append(targets, v.Target)
	}
	for i, text := range s.Tmpfs {
		here := fmt.Sprintf("%s/tmpfs/%d", at, i)
		target, options, _ := strings.Cut(text, ":")
		if err := mountable(here, target, targets); err != nil {
			return err
		}
		for _, option := range strings.FieldsFunc(options, func(r rune) bool { return r == ',' }) {
			if !tmpfsOption(option) {
				return invalid(here, "there are size=64m, mode=1777, uid=1, gid=1, exec and noexec", "tmpfs has no option %q", option)
			}
		}
		targets = append(targets, target)
	}
	return nil
}

// ownPlaces are where nothing of the user's is mounted: what is needed to run, and
// what the host relies on.
var ownPlaces = []string{mountPoint, exchangePoint, "/proc", "/sys", "/dev"}

func mountable(at, target string, taken []string) error {
	switch {
	case !path.IsAbs(target) || path.Clean(target) != target || target == "/":
		return invalid(at, "write an absolute path below /", "%q is not a place to mount at", target)
	case slices.Contains(taken, target):
		return invalid(at, "keep one of them", "two things are to be mounted at %s", target)
	}
	for _, own := range ownPlaces {
		if within(target, own) || within(own, target) {
			return invalid(at, "mount it somewhere else", "%s cannot be mounted over", target)
		}
	}
	return nil
}

// within reports whether a clean path is folder or below it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// tmpfsOption reports whether a mount in memory may have an option; setuid programs
// and devices it may not.
func tmpfsOption(option string) bool {
	name, value, _ := strings.Cut(option, "=")
	switch name {
	case "size":
		_, err := parseSize(value)
		return err == nil
	case "mode", "uid", "gid":
		return value != "" && len(value) <= 10 && strings.Trim(value, "0123456789") == ""
	case "exec", "noexec":
		return option == name
	}
	return false
}

// apply writes it into the container to be. Read-only images get a /tmp.
func (s *storage) apply(host *container.HostConfig) {
	for _, v := range s.Volumes {
		m := mount.Mount{Type: mount.TypeVolume, Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
		if v.isHostPath() {
			m.Type = mount.TypeBind
		}
		host.Mounts = append(host.Mounts, m)
	}
	for _, text := range s.Tmpfs {
		target, options, _ := strings.Cut(text, ":")
		setTmpfs(host, target, options)
	}
	if host.ReadonlyRootfs && host.Tmpfs["/tmp"] == "" && !slices.ContainsFunc(host.Mounts, func(m mount.Mount) bool { return m.Target == "/tmp" }) {
		setTmpfs(host, "/tmp", "exec,mode=1777")
	}
}

func setTmpfs(host *container.HostConfig, target, options string) {
	if host.Tmpfs == nil {
		host.Tmpfs = map[string]string{}
	}
	host.Tmpfs[target] = strings.TrimPrefix(options+",nosuid,nodev", ",")
}
