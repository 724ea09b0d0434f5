package api

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

type identityKey struct{}

// withIdentity remembers who makes a request.
func withIdentity(ctx context.Context, who *core.Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// identity is who makes a request: nobody in particular for an open operation. The
// handlers run behind guarded.
func identity(ctx context.Context) *core.Identity {
	who, _ := ctx.Value(identityKey{}).(*core.Identity)
	if who == nil {
		return &core.Identity{}
	}
	return who
}

// user is the name of who makes a request.
func user(ctx context.Context) string { return identity(ctx).Name }

// seesAll reports whether nothing need be left out of lists for somebody.
func seesAll(who *core.Identity) bool { return who.Role == core.RoleAdmin && !who.Limited() }
