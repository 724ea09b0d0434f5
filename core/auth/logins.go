package auth

import (
	"context"
	"net/url"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth/login"
)

// logins are those of Flows, each ending in a session of a Service.
type logins struct {
	*login.Flows
	service *Service
}

var (
	_ core.Logins   = logins{}
	_ core.Accounts = (*Service)(nil)
)

// Logins lets the accounts of other services in.
func (s *Service) Logins(flows *login.Flows) core.Logins { return logins{flows, s} }

// Finish implements core.Logins.
func (l logins) Finish(ctx context.Context, service, cookie string, query url.Values, from core.ClientInfo) (*core.Login, string, error) {
	account, returnTo, err := l.Flows.Finish(ctx, service, cookie, query)
	if err != nil {
		return nil, "", err
	}
	in, err := l.service.LoginAccount(ctx, account, from)
	return in, returnTo, err
}
