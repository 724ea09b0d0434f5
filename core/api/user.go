package api

import "context"

type userKey struct{}

// withUser remembers who makes a request.
func withUser(ctx context.Context, who string) context.Context {
	noteUser(ctx, who)
	return context.WithValue(ctx, userKey{}, who)
}

// user is who makes a request; the handlers run behind authenticated.
func user(ctx context.Context) string {
	who, _ := ctx.Value(userKey{}).(string)
	return who
}
