package auth

import (
	"fmt"
	"slices"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// Every rule asks for something that exists.
func TestRulesAreComplete(t *testing.T) {
	t.Parallel()
	for operation, r := range rules {
		if r.open != (r.least == "") || !r.open && !slices.Contains(core.Roles(), r.least) ||
			r.global != "" && !r.global.AtLeast(r.least) || r.open && (r.scope != "" || r.whole || r.lists) {
			t.Errorf("%s: %+v", operation, r)
		}
	}
	if !slices.IsSorted(Operations()) || len(Operations()) != len(rules) {
		t.Error("operations are not listed")
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	grants := map[string]core.Role{"up": core.RoleDeveloper, "shut": core.RoleNone, "own": core.RoleAdmin}
	viewer := &core.Identity{Role: core.RoleViewer, Grants: grants}
	developer := &core.Identity{Role: core.RoleDeveloper, Grants: grants}
	admin := &core.Identity{Role: core.RoleAdmin, Grants: grants}
	scoped := &core.Identity{Role: core.RoleAdmin, Scopes: []string{"executions:write", "secrets:read"}}
	capped := &core.Identity{Role: core.RoleAdmin, MaxRole: core.RoleViewer}
	few := &core.Identity{Role: core.RoleAdmin, PipelineIDs: []string{"p"}}
	for _, test := range []struct {
		name      string
		who       *core.Identity
		operation string
		pipeline  string
		want      core.ErrorCode
	}{
		{"nobody", nil, "listPipelines", "", core.CodeUnauthenticated},
		{"nobody", nil, "getHealth", "", ""},
		{"nobody", nil, "made up", "", core.CodeForbidden},
		{"an administrator", admin, "made up", "", core.CodeForbidden},
		{"an administrator", admin, "listUsers", "", ""},
		{"an administrator", admin, "deletePipeline", "shut", ""},
		{"a viewer", viewer, "getPipeline", "p", ""},
		{"a viewer", viewer, "getPipeline", "shut", core.CodeForbidden},
		{"a viewer", viewer, "triggerPipeline", "p", core.CodeForbidden},
		{"a viewer", viewer, "triggerPipeline", "up", ""},
		{"a viewer", viewer, "createPipeline", "", core.CodeForbidden},
		{"a viewer", viewer, "setSecret", "own", ""},
		{"a viewer", viewer, "setSecret", "", core.CodeForbidden},
		{"a viewer", viewer, "createToken", "", ""},
		{"a developer", developer, "createPipeline", "", ""},
		{"a developer", developer, "setSecret", "p", ""},
		{"a developer", developer, "setSecret", "", core.CodeForbidden},
		{"a developer", developer, "cancelExecution", "shut", core.CodeForbidden},
		{"a developer", developer, "pauseQueue", "", core.CodeForbidden},
		{"a developer", developer, "listAudit", "", core.CodeForbidden},
		{"a token with scopes", scoped, "triggerPipeline", "p", ""},
		{"a token with scopes", scoped, "getExecution", "p", ""}, // who may write may read
		{"a token with scopes", scoped, "getPipeline", "p", core.CodeForbidden},
		{"a token with scopes", scoped, "listSecrets", "p", ""},
		{"a token with scopes", scoped, "setSecret", "p", core.CodeForbidden},
		{"a token with scopes", scoped, "listUsers", "", core.CodeForbidden},
		{"a token with scopes", scoped, "createToken", "", core.CodeForbidden},
		{"a token with scopes", scoped, "getMe", "", ""},
		{"a token of a role", capped, "getPipeline", "p", ""},
		{"a token of a role", capped, "triggerPipeline", "p", core.CodeForbidden},
		{"a token of a role", capped, "createToken", "", core.CodeForbidden},
		{"a token of a role", capped, "listUsers", "", core.CodeForbidden},
		{"a token of a pipeline", few, "deletePipeline", "p", ""},
		{"a token of a pipeline", few, "getPipeline", "other", core.CodeForbidden},
		{"a token of a pipeline", few, "listPipelines", "", ""},
		{"a token of a pipeline", few, "createPipeline", "", core.CodeForbidden},
		{"a token of a pipeline", few, "setSecret", "", core.CodeForbidden},
		{"a token of a pipeline", few, "listSecrets", "", core.CodeForbidden},
		{"a token of a pipeline", few, "pauseQueue", "", core.CodeForbidden},
		{"somebody of no role", &core.Identity{}, "getMe", "", core.CodeForbidden},
	} {
		t.Run(fmt.Sprintf("%s, %s on %q", test.name, test.operation, test.pipeline), func(t *testing.T) {
			t.Parallel()
			err := b.Allow(test.who, test.operation, test.pipeline)
			wantCode(t, test.want, err)
			if b.Allowed(test.who, test.operation, test.pipeline) != (err == nil) {
				t.Error("Allowed says otherwise")
			}
		})
	}
}
