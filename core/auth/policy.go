package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth/login"
)

// Policy says which accounts of other services may log in. The zero value lets none in.
type Policy struct {
	// Allow has logins ("ann") and organisations ("org:acme") of GitHub, verified
	// e-mail addresses ("ann@example.com"), all of a domain ("@example.com"), or
	// everybody ("*"). OpenID Connect does not promise that a login is one person's.
	Allow []string
	// Role is what a new user gets; viewer if empty.
	Role core.Role
}

// orgPrefix marks an organisation in Policy.Allow.
const orgPrefix = "org:"

// ParsePolicy reads a list divided by commas or white space, and a role.
func ParsePolicy(allow, role string) (Policy, error) {
	p := Policy{Role: core.Role(or(strings.ToLower(strings.TrimSpace(role)), string(core.RoleViewer)))}
	if !slices.Contains(core.Roles(), p.Role) {
		return Policy{}, fmt.Errorf("the role of new users: %w", badRole(p.Role, core.Roles()))
	}
	for _, entry := range strings.FieldsFunc(allow, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		entry = strings.ToLower(entry)
		if entry == orgPrefix || entry == "@" {
			return Policy{}, fmt.Errorf("who may log in: %q names nobody", entry)
		}
		p.Allow = append(p.Allow, entry)
	}
	return p, nil
}

// Organisations are those whose members may log in.
func (p Policy) Organisations() []string {
	var list []string
	for _, entry := range p.Allow {
		if organisation, is := strings.CutPrefix(entry, orgPrefix); is {
			list = append(list, organisation)
		}
	}
	return list
}

// admits reports whether an account may log in. Only an e-mail address that the
// provider has verified counts.
func (p Policy) admits(a *login.Account) bool {
	for _, entry := range p.Allow {
		organisation, isOrg := strings.CutPrefix(entry, orgPrefix)
		switch {
		case entry == "*":
			return true
		case isOrg:
			if slices.ContainsFunc(a.Organisations, func(o string) bool { return strings.EqualFold(o, organisation) }) {
				return true
			}
		case strings.HasPrefix(entry, "@"):
			if at := strings.LastIndex(a.Email, "@"); at > 0 && strings.EqualFold(a.Email[at:], entry) {
				return true
			}
		case strings.Contains(entry, "@"):
			if strings.EqualFold(a.Email, entry) {
				return true
			}
		case a.Method == "github" && strings.EqualFold(a.Login, entry):
			return true
		}
	}
	return false
}
