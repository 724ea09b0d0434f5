package auth

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// userName is what users are called: it is shown, compared and typed.
var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

const (
	maxDisplayName = 100
	maxEmail       = 254 // RFC 5321, 4.5.3.1.3
)

// CreateUser makes a user of a name and a role; empty fields take their defaults. It
// returns Conflict when the name is taken.
func (s *Service) CreateUser(ctx context.Context, name string, change core.UserChange) (*core.User, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if !userName.MatchString(name) {
		return nil, &core.Error{Code: core.CodeInvalid, Message: "this is no name of a user",
			Suggestions: []string{"use letters, digits, dots, dashes and underscores, a letter or a digit first, at most 64 in all"}}
	}
	now := s.moment()
	user := &core.User{Name: name, Role: core.RoleViewer, CreatedAt: now, UpdatedAt: now}
	if err := apply(user, change); err != nil {
		return nil, err
	}
	var err error
	if user.ID, err = newID(); err != nil {
		return nil, err
	}
	if err := s.store.CreateUser(ctx, user); err != nil {
		if core.CodeOf(err) == core.CodeConflict {
			return nil, &core.Error{Code: core.CodeConflict, Message: "there is a user " + name + " already", Err: err}
		}
		return nil, err
	}
	return user, nil
}

// apply changes a user, or says what is wrong with the change.
func apply(user *core.User, change core.UserChange) error {
	if change.DisplayName != nil && *change.DisplayName != "" {
		if err := checkText("the display name", *change.DisplayName, maxDisplayName); err != nil {
			return err
		}
	}
	if change.Email != nil && *change.Email != "" {
		if err := checkText("the e-mail address", *change.Email, maxEmail); err != nil {
			return err
		}
		if at := strings.LastIndex(*change.Email, "@"); at < 1 || at == len(*change.Email)-1 || strings.Contains(*change.Email, " ") {
			return core.Errorf(core.CodeInvalid, "%.60q is no e-mail address", *change.Email)
		}
	}
	if change.Role != nil && !slices.Contains(core.Roles(), *change.Role) {
		return badRole(*change.Role, core.Roles())
	}
	user.DisplayName, user.Email = given(change.DisplayName, user.DisplayName), given(change.Email, user.Email)
	user.Role, user.Disabled = given(change.Role, user.Role), given(change.Disabled, user.Disabled)
	return nil
}

func given[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// FindUser returns a user by ID or by name.
func (s *Service) FindUser(ctx context.Context, idOrName string) (*core.User, error) {
	user, err := s.store.User(ctx, idOrName)
	if core.CodeOf(err) == core.CodeNotFound {
		user, err = s.store.UserByName(ctx, strings.ToLower(idOrName))
	}
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, core.NotFound("user", idOrName)
	}
	return user, err
}

// Users lists a page of users.
func (s *Service) Users(ctx context.Context, page core.Page) ([]*core.User, error) {
	return s.store.Users(ctx, page)
}

// UpdateUser changes a user. Nobody takes the role of administrator from himself, or
// shuts himself out: so one is always left. Disabling ends the user's sessions.
func (s *Service) UpdateUser(ctx context.Context, who *core.Identity, id string, change core.UserChange) (*core.User, error) {
	for {
		user, err := s.FindUser(ctx, id)
		if err != nil {
			return nil, err
		}
		before := *user
		if err := apply(user, change); err != nil {
			return nil, err
		}
		if user.ID == who.UserID && (user.Disabled || user.Role != before.Role) {
			return nil, core.Errorf(core.CodeConflict, "nobody changes his own role or shuts himself out: another administrator can")
		}
		user.UpdatedAt = s.moment()
		err = s.store.UpdateUser(ctx, user)
		if core.CodeOf(err) == core.CodeConflict && ctx.Err() == nil {
			continue // the change is the same whatever else has changed
		}
		if err == nil && user.Disabled && !before.Disabled {
			_, err = s.store.RevokeSessions(ctx, user.ID, "", s.moment(), "the user was disabled")
		}
		if err != nil {
			return nil, err
		}
		return user, nil
	}
}

// DeleteUser removes a user with all that lets them in.
func (s *Service) DeleteUser(ctx context.Context, who *core.Identity, id string) error {
	user, err := s.FindUser(ctx, id)
	if err != nil {
		return err
	}
	if user.ID == who.UserID {
		return core.Errorf(core.CodeConflict, "nobody deletes himself: another administrator can")
	}
	return s.store.DeleteUser(ctx, user.ID)
}

// SetGrant gives a user another role on one pipeline; RoleNone shuts it to them.
func (s *Service) SetGrant(ctx context.Context, who *core.Identity, userID, pipelineID string, role core.Role) (*core.Grant, error) {
	if known := append([]core.Role{core.RoleNone}, core.Roles()...); !slices.Contains(known, role) {
		return nil, badRole(role, known)
	}
	user, err := s.FindUser(ctx, userID)
	if err != nil {
		return nil, err
	}
	grant := &core.Grant{UserID: user.ID, PipelineID: pipelineID, Role: role, UpdatedAt: s.moment(), UpdatedBy: who.Name}
	return grant, s.store.PutGrant(ctx, grant)
}

// Grants lists those of a user.
func (s *Service) Grants(ctx context.Context, userID string) ([]*core.Grant, error) {
	user, err := s.FindUser(ctx, userID)
	if err != nil {
		return nil, err
	}
	return s.store.Grants(ctx, user.ID)
}

// DeleteGrant takes a grant back.
func (s *Service) DeleteGrant(ctx context.Context, userID, pipelineID string) error {
	user, err := s.FindUser(ctx, userID)
	if err != nil {
		return err
	}
	return s.store.DeleteGrant(ctx, user.ID, pipelineID)
}
