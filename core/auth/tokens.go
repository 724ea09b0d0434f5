package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// Bounds of tokens.
const (
	// MaxTokens is how many tokens that are good a user may have.
	MaxTokens         = 200
	maxTokenName      = 100
	maxTokenPipelines = 100
)

// FirstToken makes the first administrator and their token if the store has no token
// yet. The secret is returned this once and never stored.
func (s *Service) FirstToken(ctx context.Context) (secret string, created bool, err error) {
	n, err := s.store.CountTokens(ctx)
	if err != nil || n > 0 || s.hasAdmin {
		return "", false, err
	}
	user, err := s.administrator(ctx)
	if core.CodeOf(err) == core.CodeForbidden {
		return "", false, nil // somebody else is the administrator by now
	}
	if err != nil {
		return "", false, err
	}
	secret, _, err = s.keep(ctx, &core.Token{Name: adminName, UserID: user.ID}, tokenPrefix)
	return secret, err == nil, err
}

// administrator returns the first administrator, who is made if there is none. A user
// of that name who has no right to be taken for one is an error.
func (s *Service) administrator(ctx context.Context) (*core.User, error) {
	user, err := s.store.UserByName(ctx, adminName)
	if core.CodeOf(err) == core.CodeNotFound {
		now := s.moment()
		user = &core.User{Name: adminName, DisplayName: "Administrator", Role: core.RoleAdmin, CreatedAt: now, UpdatedAt: now}
		if user.ID, err = newID(); err != nil {
			return nil, err
		}
		if err = s.store.CreateUser(ctx, user); core.CodeOf(err) == core.CodeConflict { // another node was faster
			user, err = s.store.UserByName(ctx, adminName)
		}
	}
	if err != nil {
		return nil, err
	}
	if user.Disabled || user.Role != core.RoleAdmin {
		return nil, &core.Error{Code: core.CodeForbidden, Message: "the user admin is not an administrator any more",
			Suggestions: []string{"enable it and give it its role back: patchbay user update admin --role admin --enable"}}
	}
	return user, nil
}

// keep stores a token that is complete but for its ID, time and secret.
func (s *Service) keep(ctx context.Context, token *core.Token, prefix string) (secret string, _ *core.Token, err error) {
	secret = newSecret(prefix)
	token.CreatedAt, token.Hash, token.Prefix = s.moment(), digest(secret), secret[:len(prefix)+shown]
	if token.ID, err = newID(); err != nil {
		return "", nil, err
	}
	if err := s.store.CreateToken(ctx, token); err != nil {
		return "", nil, err
	}
	return secret, token, nil
}

// CreateToken makes an API token. Its secret is returned this once. Only an
// administrator makes one for somebody else.
func (s *Service) CreateToken(ctx context.Context, who *core.Identity, n core.NewToken) (secret string, _ *core.Token, err error) {
	owner := or(n.UserID, who.UserID)
	if owner != who.UserID && who.RoleOn("") != core.RoleAdmin {
		return "", nil, forbidden("only an administrator makes tokens for others")
	}
	if owner == "" { // the operator's own token, or one from before there were users
		admin, err := s.administrator(ctx)
		if err != nil {
			return "", nil, err
		}
		owner = admin.ID
	}
	if err := s.checkNew(&n); err != nil {
		return "", nil, err
	}
	if _, err := s.store.User(ctx, owner); err != nil {
		return "", nil, err
	}
	if err := s.checkRoom(ctx, owner); err != nil {
		return "", nil, err
	}
	return s.keep(ctx, &core.Token{Name: n.Name, UserID: owner, Role: n.Role, Scopes: n.Scopes, PipelineIDs: n.PipelineIDs, ExpiresAt: n.ExpiresAt}, tokenPrefix)
}

func forbidden(message string, suggestions ...string) error {
	return &core.Error{Code: core.CodeForbidden, Message: message, Suggestions: suggestions}
}

func (s *Service) checkNew(n *core.NewToken) error {
	n.Name = strings.TrimSpace(n.Name)
	if err := checkText("the name of a token", n.Name, maxTokenName); err != nil {
		return err
	}
	if n.Role != "" && !slices.Contains(core.Roles(), n.Role) {
		return badRole(n.Role, core.Roles())
	}
	for _, scope := range n.Scopes {
		if !slices.Contains(Scopes(), scope) {
			return oneOf("scope", scope, Scopes())
		}
	}
	if len(n.PipelineIDs) > maxTokenPipelines {
		return core.Errorf(core.CodeInvalid, "a token is good for %d pipelines at the most, or for all", maxTokenPipelines)
	}
	for _, id := range n.PipelineIDs {
		if err := checkText("the ID of a pipeline", id, maxTokenName); err != nil {
			return err
		}
	}
	if n.ExpiresAt != nil && !s.now().Before(*n.ExpiresAt) {
		return &core.Error{Code: core.CodeInvalid, Message: "the token would have expired already", Suggestions: []string{"give a time to come, or none"}}
	}
	return nil
}

// checkText refuses text that is empty, too long or not of one line.
func checkText(what, text string, most int) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case text == "":
		return core.Errorf(core.CodeInvalid, "%s is missing", what)
	case utf8.RuneCountInString(text) > most:
		return core.Errorf(core.CodeInvalid, "%s has more than %d characters", what, most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable):
		return core.Errorf(core.CodeInvalid, "%s has characters that cannot be printed", what)
	}
	return nil
}

func oneOf(what, given string, known []string) error {
	e := &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no %s %.40q", what, given), Details: "there are " + strings.Join(known, ", ")}
	if near := core.Nearest(given, known); near != "" {
		e.Suggestions = []string{"did you mean " + near + "?"}
	}
	return e
}

func badRole(given core.Role, known []core.Role) error {
	names := make([]string, len(known))
	for i, role := range known {
		names[i] = string(role)
	}
	return oneOf("role", string(given), names)
}

// checkRoom refuses a token more than a user may have.
func (s *Service) checkRoom(ctx context.Context, owner string) error {
	good, after := 0, ""
	for {
		page, err := s.store.Tokens(ctx, owner, core.Page{Limit: core.MaxPageLimit, After: after})
		if err != nil {
			return err
		}
		for _, token := range page {
			if s.checkToken(token) == nil {
				good++
			}
		}
		if good >= MaxTokens {
			return &core.Error{Code: core.CodeConflict, Message: fmt.Sprintf("the user has %d tokens already; no more fit", MaxTokens),
				Suggestions: []string{"revoke those that are not used: patchbay token list, patchbay token revoke ID"}}
		}
		if len(page) < core.MaxPageLimit {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// Tokens lists a page of a user's tokens, of all users' for "".
func (s *Service) Tokens(ctx context.Context, userID string, page core.Page) ([]*core.Token, error) {
	return s.store.Tokens(ctx, userID, page)
}

// RevokeToken ends a token and what began with it; it is no error when it was revoked
// before. It returns NotFound when the user has no such token; userID "" means any
// user's.
func (s *Service) RevokeToken(ctx context.Context, userID, id string) error {
	token, err := s.store.Token(ctx, id)
	if err != nil {
		return err
	}
	if userID != "" && token.UserID != userID {
		return core.NotFound("token", id)
	}
	if err := s.store.RevokeToken(ctx, id, s.moment()); core.CodeOf(err) != core.CodeConflict {
		return err
	}
	return nil
}

// CreateLink makes a secret with which a user logs in once, soon.
func (s *Service) CreateLink(ctx context.Context, userID string) (secret string, _ *core.Token, err error) {
	user, err := s.store.User(ctx, userID)
	if err != nil {
		return "", nil, err
	}
	if user.Disabled {
		return "", nil, core.Errorf(core.CodeConflict, "the user %s is disabled", user.Name)
	}
	return s.keep(ctx, &core.Token{Kind: core.TokenLink, Name: "one-time link", UserID: user.ID, ExpiresAt: s.until(linkLife)}, linkPrefix)
}

// Login begins a session with an API token, the operator's token or a one-time link.
// A session of a token has the token's limits, and ends with it.
func (s *Service) Login(ctx context.Context, secret string, from core.ClientInfo) (*core.Login, error) {
	if len(secret) > maxCredential {
		return nil, invalidToken()
	}
	if s.isAdminToken(secret) {
		user, err := s.administrator(ctx)
		if err != nil {
			return nil, err
		}
		return s.begin(ctx, user, "token", "", from)
	}
	token, err := s.store.TokenByHash(ctx, digest(secret))
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, invalidToken()
	}
	if err == nil {
		err = s.checkToken(token)
	}
	if err != nil {
		return nil, err
	}
	if token.UserID == "" {
		return nil, refused("the token belongs to no user, so it cannot log in", "make one for a user: patchbay token create")
	}
	user, err := s.user(ctx, token.UserID)
	if err != nil {
		return nil, err
	}
	if token.Kind == core.TokenLink {
		return s.loginByLink(ctx, user, token, from)
	}
	s.touch(ctx, token)
	return s.begin(ctx, user, "token", token.ID, from)
}

// loginByLink uses the link up before anything else: of two who have it, one gets in.
func (s *Service) loginByLink(ctx context.Context, user *core.User, link *core.Token, from core.ClientInfo) (*core.Login, error) {
	err := s.store.RevokeToken(ctx, link.ID, s.moment())
	if code := core.CodeOf(err); code == core.CodeConflict || code == core.CodeNotFound {
		return nil, refused("the link was used before", "ask an administrator for another one")
	}
	if err != nil {
		return nil, err
	}
	return s.begin(ctx, user, "link", "", from)
}
