package sdk

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImpliedAction(t *testing.T) {
	t.Parallel()
	action := func(name string, patterns ...KeyPattern) Action {
		return NewAction(name, "An action", func(context.Context, Request[struct{}], *Session) (Result, error) {
			return Succeeded(), nil
		}, ImpliedBy(patterns...))
	}
	connector := NewActions(Info{Name: "several"}, action("run"),
		action("serve", KeyPattern{Present: []string{"ports"}, Absent: []string{"command", "script"}}),
		action("build", KeyPattern{Present: []string{"dockerfile"}, Absent: []string{"command"}}, KeyPattern{Present: []string{"target"}}))
	for _, test := range []struct{ action, config, want string }{
		{"", `{}`, "run"},
		{"", ``, "run"},
		{"", `{"command":"x","dockerfile":"D"}`, "run"},
		{"", `{"dockerfile":"D"}`, "build"},
		{"", `{"target":"t","command":"x"}`, "build"},
		{"", `{"dockerfile":"D","ports":[]}`, "serve"},
		{"", `{"dockerfile":"D","ports":null}`, "build"},
		{"", `{"dockerfile":"D","command":null}`, "build"},
		{"", `{"nested":{"dockerfile":"D"}}`, "run"},
		{"run", `{"dockerfile":"D"}`, "run"},
		{"", `[`, "run"},
	} {
		found, err := connector.action(test.action, []byte(test.config))
		if err != nil || found.name != test.want {
			t.Errorf("config %s of action %q: got %v, %v; want %s", test.config, test.action, found, err, test.want)
		}
	}
	if diff := cmp.Diff(connector.Info().Actions, infoFromProto(infoToProto(connector.Info())).Actions); diff != "" {
		t.Errorf("the wire changed the actions:\n%s", diff)
	}
}
