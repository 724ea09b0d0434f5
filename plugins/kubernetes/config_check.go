package main

import (
	"path"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// maxScript is the longest text that Linux takes as one word of a command line, less
// some room.
const maxScript = 120 << 10

// How long a pod may wait for a node where the step says nothing: for one that has no
// room, and for one, or for a volume, that the cluster is about to make.
const (
	scheduleTimeout = 15 * time.Second
	makingTimeout   = 10 * time.Minute
)

// CheckConfig refuses what cannot be done, before anything is made.
func (c *config) CheckConfig() error {
	switch {
	case c.Command.given() && c.Script != "":
		return invalid("/script", "keep one of them", "command and script are both given")
	case len(c.Command.list) > 0 && c.Command.list[0] == "":
		return invalid("/command", "begin with the program's name", "the command's first word is empty")
	case len(c.Command.text) > maxScript || len(c.Script) > maxScript:
		return invalid("/script", "keep it as a file in the repository and run that", "it is longer than %d KiB", maxScript>>10)
	case strings.ContainsAny(c.Image, " \t\n"):
		return invalid("/image", "write it like alpine:3.20", "%q is not the name of an image", c.Image)
	case c.Namespace != "" && len(validation.IsDNS1123Label(c.Namespace)) > 0:
		return invalid("/namespace", "use lower-case letters, digits and hyphens", "%q cannot be the name of a namespace", c.Namespace)
	case c.Parameters.UsePVC && c.Parameters.UseHostPath:
		return invalid("/parameters/use_hostpath", "keep one of them", "use_pvc and use_hostpath are both set")
	case c.Workspace == workspaceNone && (c.Parameters.UseHostPath):
		return invalid("/workspace", "remove one of them", "workspace: none and use_hostpath contradict each other")
	case c.RepositoryURL == "" && (c.Branch != "" || c.Commit != "" || c.RepositoryToken != ""):
		return invalid("/repository_url", "say which repository", "branch, commit and repository_token need a repository_url")
	case strings.HasPrefix(c.RepositoryURL, "-") || strings.HasPrefix(c.Branch, "-") || strings.HasPrefix(c.Commit, "-"):
		return invalid("/repository_url", "", "neither the repository's address nor a branch or commit begins with a hyphen")
	case c.ScheduleTimeout < 0:
		return invalid("/schedule_timeout", "", "it cannot be negative")
	}
	if err := c.checkQuantities(); err != nil {
		return err
	}
	if err := c.checkMetadata(); err != nil {
		return err
	}
	return c.SecurityContext.check()
}

// within reports whether a path is a folder or below it.
func within(folder, name string) bool {
	name = path.Clean(name)
	return name == folder || strings.HasPrefix(name, folder+"/")
}

func (c *config) checkQuantities() error {
	p := c.Parameters
	for _, amount := range []struct {
		pointer string
		value   quantity
	}{
		{"/parameters/storage_size", p.StorageSize},
		{"/parameters/resource_requests/cpu", p.ResourceRequests.CPU},
		{"/parameters/resource_requests/memory", p.ResourceRequests.Memory},
		{"/parameters/resource_requests/ephemeral_storage", p.ResourceRequests.EphemeralStorage},
		{"/parameters/resource_limits/cpu", p.ResourceLimits.CPU},
		{"/parameters/resource_limits/memory", p.ResourceLimits.Memory},
		{"/parameters/resource_limits/ephemeral_storage", p.ResourceLimits.EphemeralStorage},
	} {
		if amount.value == "" {
			continue
		}
		parsed, err := resource.ParseQuantity(string(amount.value))
		if err != nil || parsed.Sign() <= 0 {
			return invalid(amount.pointer, "write it like 500m or 2 (processors), 512Mi or 2Gi (bytes)", "%q is not an amount", amount.value)
		}
	}
	return nil
}

func (c *config) checkMetadata() error {
	for key, value := range c.Labels {
		if len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return invalid("/labels", "see the rules for labels of Kubernetes", "%s: %s cannot be a label", key, value)
		}
		if strings.HasPrefix(key, "ci.patchbay.") || strings.Contains(key, "kubernetes.io/") {
			return invalid("/labels", "choose another name", "the label %s is not for steps to set", key)
		}
	}
	for key := range c.Annotations {
		if len(validation.IsQualifiedName(strings.ToLower(key))) > 0 {
			return invalid("/annotations", "see the rules for annotations of Kubernetes", "%s cannot be an annotation", key)
		}
	}
	return nil
}

// baseline are the capabilities that the baseline Pod Security Standard allows.
var baseline = []string{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}

func (s *securityContext) check() error {
	for _, name := range s.AddCapabilities {
		if !slices.Contains(baseline, name) {
			return invalid("/security_context/add_capabilities", "there are: "+strings.Join(baseline, ", "), "%s is not a capability that a step may have", name)
		}
	}
	if s.RunAsNonRoot && s.RunAsUser != nil && *s.RunAsUser == 0 {
		return invalid("/security_context/run_as_user", "remove one of them", "run_as_non_root and the user 0 contradict each other")
	}
	return nil
}
