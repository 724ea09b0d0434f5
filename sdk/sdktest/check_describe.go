package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/schema"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	versionPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+][0-9A-Za-z.+-]+)?$`)
)

// binaryPrefix is what the host finds connectors by.
const binaryPrefix = "patchbay-connector-"

func checkDescribe(ctx context.Context, k *kit, _ *Case) error {
	info := k.info
	var wrong []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	complain(!namePattern.MatchString(info.Name), "name %q is not made of lower-case letters, digits and hyphens inside, at most 63", info.Name)
	complain(!versionPattern.MatchString(info.Version), "version %q is not of the form 1.2.3", info.Version)
	complain(info.ProtocolVersion != sdk.ProtocolVersion, "protocol version is %d; this kit knows %d", info.ProtocolVersion, sdk.ProtocolVersion)
	complain(!oneLine(info.Summary), "the summary is not one line of text: %q", info.Summary)
	complain(len(info.Actions) == 0, "it has no actions")
	for _, capability := range info.Capabilities {
		complain(capability == "", "it announces a capability that the protocol does not have")
	}
	for _, secret := range info.Secrets {
		complain(secret.Name == "", "it wants a secret without a name")
	}
	if killer, ok := k.target.(Killer); ok {
		name, is := strings.CutPrefix(strings.TrimSuffix(killer.ProgramName(), ".exe"), binaryPrefix)
		complain(is && name != info.Name, "the binary is called %s, so its name must be %q, not %q", killer.ProgramName(), name, info.Name)
	}
	seen := map[string]bool{}
	for _, action := range info.Actions {
		complain(seen[action.Name], "it has two actions called %q", action.Name)
		seen[action.Name] = true
		wrong = append(wrong, checkAction(action)...)
	}
	again, err := k.client.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe, the second time: %w", err)
	}
	complain(!reflect.DeepEqual(info, again), "it describes itself differently the second time; the host keeps the first answer")
	return errors.Join(wrong...)
}

func checkAction(action sdk.ActionInfo) (wrong []error) {
	complain := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf("action %q: "+format, append([]any{action.Name}, args...)...))
		}
	}
	complain(action.Name == "" || strings.TrimSpace(action.Name) != action.Name, "not a name")
	complain(!oneLine(action.Help), "the help is not one line of text: %q", action.Help)
	var document struct {
		Type   string `json:"type"`
		Schema string `json:"$schema"`
	}
	if err := json.Unmarshal(action.ConfigSchema, &document); err != nil {
		complain(true, "the schema is not a JSON object: %v", err)
		return wrong
	}
	_, err := schema.Compile(action.ConfigSchema)
	complain(err != nil, "%v", err)
	complain(document.Type != "object", "the schema is not for an object: it says \"type\": %q", document.Type)
	complain(document.Schema != "" && !strings.Contains(document.Schema, "2020-12"), "the schema is not of draft 2020-12 but %s", document.Schema)
	for _, output := range action.Outputs {
		complain(output.Name == "", "an output has no name")
	}
	for _, pattern := range action.ImpliedBy {
		complain(len(pattern.Present)+len(pattern.Absent) == 0, "a pattern of implied_by names no key, so that it fits every config")
	}
	return wrong
}

func oneLine(text string) bool {
	return strings.TrimSpace(text) != "" && !strings.ContainsAny(text, "\r\n")
}
