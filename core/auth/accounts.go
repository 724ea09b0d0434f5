package auth

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth/login"
)

// LoginAccount begins a session of the user that an account elsewhere belongs to. The
// first time it makes the user. The policy counts each time: who leaves the
// organisation does not get in again.
func (s *Service) LoginAccount(ctx context.Context, account *login.Account, from core.ClientInfo) (*core.Login, error) {
	if !s.policy.admits(account) {
		s.log.Info("an account may not log in", "provider", account.Provider, "login", account.Login)
		return nil, forbidden("this account may not log in here", "ask the operator to add it to PATCHBAY_LOGIN_ALLOW")
	}
	user, err := s.store.UserByIdentity(ctx, account.Provider, account.Subject)
	switch {
	case core.CodeOf(err) == core.CodeNotFound:
		user, err = s.newcomer(ctx, account)
	case err == nil:
		user, err = s.known(ctx, user, account)
	}
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, refused("the user "+user.Name+" is disabled", "ask an administrator")
	}
	return s.begin(ctx, user, account.Method, "", from)
}

// maxNames is how many names are tried for a newcomer.
const maxNames = 20

// newcomer makes a user for an account. The name is that of the account, or like it
// when somebody has that name: an account never becomes another's user by its name or
// its address, which may be given to somebody else.
func (s *Service) newcomer(ctx context.Context, account *login.Account) (*core.User, error) {
	now := s.moment()
	base := nameOf(account)
	user := &core.User{DisplayName: printable(account.Name, maxDisplayName), Email: printable(account.Email, maxEmail), Role: or(s.policy.Role, core.RoleViewer),
		Identities: []core.ExternalIdentity{{Provider: account.Provider, Subject: account.Subject, Login: account.Login}}, CreatedAt: now, UpdatedAt: now}
	for i := range maxNames {
		user.Name = base
		if i > 0 {
			user.Name = fmt.Sprintf("%s-%d", base, i+1)
		}
		if user.Name == adminName {
			continue // the first administrator's, also before it is there
		}
		var err error
		if user.ID, err = newID(); err != nil {
			return nil, err
		}
		err = s.store.CreateUser(ctx, user)
		if err == nil || core.CodeOf(err) != core.CodeConflict {
			return user, err
		}
		// The name is taken, or the same account has logged in at the same time.
		if there, err := s.store.UserByIdentity(ctx, account.Provider, account.Subject); core.CodeOf(err) != core.CodeNotFound {
			return there, err
		}
	}
	return nil, core.Errorf(core.CodeConflict, "no name is left for a user like %q", base)
}

// nameOf makes a name for a user of what the account is called.
func nameOf(account *login.Account) string {
	source, _, _ := strings.Cut(or(account.Login, account.Email), "@")
	name := strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		default:
			return -1
		}
	}, source)
	name = strings.TrimLeft(name, ".-_")
	if name = name[:min(len(name), 50)]; name == "" {
		return "user"
	}
	return name
}

// printable makes text of another service fit to be kept.
func printable(text string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	return string(runes[:min(len(runes), most)])
}

// known brings up to date what the provider says of a user. When somebody else changes
// the user at the same time, that waits for the next login.
func (s *Service) known(ctx context.Context, user *core.User, account *login.Account) (*core.User, error) {
	changed := false
	for i := range user.Identities {
		identity := &user.Identities[i]
		if identity.Provider == account.Provider && identity.Subject == account.Subject && identity.Login != account.Login {
			identity.Login, changed = account.Login, true
		}
	}
	if email := printable(account.Email, maxEmail); email != "" && user.Email == "" {
		user.Email, changed = email, true
	}
	if !changed {
		return user, nil
	}
	user.UpdatedAt = s.moment()
	if err := s.store.UpdateUser(ctx, user); err != nil && core.CodeOf(err) != core.CodeConflict {
		return nil, err
	}
	return user, nil
}
