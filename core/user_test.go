package core

import (
	"fmt"
	"testing"
)

func TestRolesAreOrdered(t *testing.T) {
	t.Parallel()
	all := []Role{"", RoleNone, "root", RoleViewer, RoleDeveloper, RoleAdmin}
	for i, have := range all {
		for j, need := range all {
			if want := j >= 3 && i >= j; have.AtLeast(need) != want {
				t.Errorf("%q at least %q: %t", have, need, !want)
			}
		}
	}
	for _, test := range []struct{ a, b, want Role }{
		{RoleAdmin, RoleViewer, RoleViewer}, {RoleViewer, RoleAdmin, RoleViewer}, {RoleAdmin, RoleAdmin, RoleAdmin},
		{RoleNone, RoleAdmin, RoleNone}, {RoleAdmin, RoleNone, RoleNone}, {"root", RoleAdmin, RoleNone}, {"", "", RoleNone},
	} {
		if got := test.a.Lower(test.b); got != test.want {
			t.Errorf("the lower of %q and %q: %q", test.a, test.b, got)
		}
	}
}

func TestRoleOnAPipeline(t *testing.T) {
	t.Parallel()
	grants := map[string]Role{"up": RoleAdmin, "down": RoleViewer, "shut": RoleNone}
	for _, test := range []struct {
		who  Identity
		want map[string]Role
	}{
		{Identity{Role: RoleDeveloper, Grants: grants},
			map[string]Role{"": RoleDeveloper, "p": RoleDeveloper, "up": RoleAdmin, "down": RoleViewer, "shut": RoleNone}},
		{Identity{Role: RoleAdmin, Grants: grants}, map[string]Role{"": RoleAdmin, "down": RoleAdmin, "shut": RoleAdmin}},
		{Identity{Role: RoleViewer, Grants: grants, MaxRole: RoleDeveloper},
			map[string]Role{"": RoleViewer, "up": RoleDeveloper, "down": RoleViewer, "shut": RoleNone}},
		{Identity{Role: RoleAdmin, PipelineIDs: []string{"p"}}, map[string]Role{"": RoleAdmin, "p": RoleAdmin, "other": RoleNone}},
		{Identity{Role: RoleViewer, Grants: grants, PipelineIDs: []string{"up"}}, map[string]Role{"up": RoleAdmin, "down": RoleNone}},
		{Identity{}, map[string]Role{"": "", "p": ""}},
	} {
		for pipeline, want := range test.want {
			t.Run(fmt.Sprintf("%+v on %q", test.who, pipeline), func(t *testing.T) {
				t.Parallel()
				if got := test.who.RoleOn(pipeline); got != want {
					t.Errorf("%q, want %q", got, want)
				}
				if got := test.who.Sees(pipeline); got != want.AtLeast(RoleViewer) {
					t.Errorf("sees: %t", got)
				}
			})
		}
	}
}
