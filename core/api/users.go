package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// GetMe serves GET /sessions/me.
func (h *handlers) GetMe(w http.ResponseWriter, r *http.Request) {
	who := identity(r.Context())
	body := Me{Name: who.Name, UserId: some(who.UserID), Role: Role(who.Role), SessionId: some(who.SessionID), TokenId: some(who.TokenID),
		MaxRole: some(string(who.MaxRole)), Scopes: listed(who.Scopes), PipelineIds: listed(who.PipelineIDs)}
	if len(who.Grants) > 0 {
		grants := make(map[string]string, len(who.Grants))
		for id, role := range who.Grants {
			grants[id] = string(role)
		}
		body.Grants = &grants
	}
	if who.UserID != "" {
		found, err := h.Accounts.FindUser(r.Context(), who.UserID)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		body.DisplayName, body.Email = some(found.DisplayName), some(found.Email)
	}
	h.answer(w, http.StatusOK, body)
}

// listed is how the generated types say that a list is there: not empty.
func listed[T any](list []T) *[]T {
	if len(list) == 0 {
		return nil
	}
	return &list
}

func userView(u *core.User) User {
	view := User{Id: u.ID, Name: u.Name, DisplayName: some(u.DisplayName), Email: some(u.Email), Role: Role(u.Role), Disabled: u.Disabled,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
	identities := make([]ExternalIdentity, 0, len(u.Identities))
	for _, i := range u.Identities {
		identities = append(identities, ExternalIdentity{Provider: i.Provider, Subject: i.Subject, Login: some(i.Login)})
	}
	view.Identities = listed(identities)
	return view
}

// ListUsers serves GET /users.
func (h *handlers) ListUsers(w http.ResponseWriter, r *http.Request, params ListUsersParams) {
	page, err := pageOf(params.Limit, params.After)
	var list []*core.User
	if err == nil {
		list, err = h.Accounts.Users(r.Context(), page)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]User, 0, len(list))
	for _, u := range list {
		body = append(body, userView(u))
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, body)
}

// CreateUser serves POST /users.
func (h *handlers) CreateUser(w http.ResponseWriter, r *http.Request) {
	var body NewUser
	err := readJSON(w, r, &body)
	var made *core.User
	if err == nil {
		made, err = h.Accounts.CreateUser(r.Context(), body.Name, core.UserChange{DisplayName: body.DisplayName, Email: body.Email, Role: roleOf(body.Role)})
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	trailOf(r.Context()).target = made.Name
	w.Header().Set("Location", "/api/users/"+made.ID)
	h.answer(w, http.StatusCreated, userView(made))
}

func roleOf(given *string) *core.Role {
	if given == nil {
		return nil
	}
	role := core.Role(*given)
	return &role
}

// GetUser serves GET /users/{user}.
func (h *handlers) GetUser(w http.ResponseWriter, r *http.Request, user UserName) {
	found, err := h.Accounts.FindUser(r.Context(), user)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, userView(found))
}

// UpdateUser serves PATCH /users/{user}.
func (h *handlers) UpdateUser(w http.ResponseWriter, r *http.Request, user UserName) {
	var body UserUpdate
	err := readJSON(w, r, &body)
	var changed *core.User
	if err == nil {
		if body.Role != nil {
			trailOf(r.Context()).note("role", *body.Role)
		}
		changed, err = h.Accounts.UpdateUser(r.Context(), identity(r.Context()), user,
			core.UserChange{DisplayName: body.DisplayName, Email: body.Email, Role: roleOf(body.Role), Disabled: body.Disabled})
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, userView(changed))
}

// DeleteUser serves DELETE /users/{user}.
func (h *handlers) DeleteUser(w http.ResponseWriter, r *http.Request, user UserName) {
	if err := h.Accounts.DeleteUser(r.Context(), identity(r.Context()), user); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// CreateLoginLink serves POST /users/{user}/login-link.
func (h *handlers) CreateLoginLink(w http.ResponseWriter, r *http.Request, user UserName) {
	found, err := h.Accounts.FindUser(r.Context(), user)
	var secret string
	var link *core.Token
	if err == nil {
		secret, link, err = h.Accounts.CreateLink(r.Context(), found.ID)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	h.answer(w, http.StatusCreated, LoginLink{User: found.Name, Token: secret, ExpiresAt: value(link.ExpiresAt)})
}
