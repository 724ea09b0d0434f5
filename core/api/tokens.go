package api

import (
	"context"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// ListTokens serves GET /tokens.
func (h *handlers) ListTokens(w http.ResponseWriter, r *http.Request, params ListTokensParams) {
	page, err := pageOf(params.Limit, params.After)
	var userID string
	if err == nil {
		userID, err = h.whose(r, params.User)
	}
	all := value(params.All) || userID == "" // who is no user has none of his own
	if err == nil && all && identity(r.Context()).RoleOn("") != core.RoleAdmin {
		err = core.Errorf(core.CodeForbidden, "only an administrator may ask for the tokens of all users")
	}
	if all {
		userID = ""
	}
	var list []*core.Token
	if err == nil {
		list, err = h.Accounts.Tokens(r.Context(), userID, page)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Token, 0, len(list))
	for _, t := range list {
		body = append(body, tokenView(t))
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, body)
}

func tokenView(t *core.Token) Token {
	view := Token{Id: t.ID, Name: t.Name, Kind: "api", UserId: some(t.UserID), Prefix: some(t.Prefix), Role: some(string(t.Role)), Scopes: listed(t.Scopes),
		PipelineIds: listed(t.PipelineIDs), CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt}
	if t.Kind != core.TokenAPI {
		view.Kind = TokenKind(t.Kind)
	}
	return view
}

// tokenRequest is a NewToken as it is read: with the time as text, to say in words of
// ours what is wrong with it.
type tokenRequest struct {
	Name        string   `json:"name"`
	User        string   `json:"user"`
	Role        string   `json:"role"`
	Scopes      []string `json:"scopes"`
	PipelineIDs []string `json:"pipeline_ids"`
	ExpiresAt   string   `json:"expires_at"`
}

// CreateToken serves POST /tokens.
func (h *handlers) CreateToken(w http.ResponseWriter, r *http.Request) {
	var body tokenRequest
	err := readJSON(w, r, &body)
	n := core.NewToken{Name: body.Name, Role: core.Role(body.Role), Scopes: body.Scopes, PipelineIDs: body.PipelineIDs}
	if err == nil {
		n.UserID, err = h.whose(r, &body.User)
	}
	if err == nil && body.ExpiresAt != "" {
		at, parseErr := time.Parse(time.RFC3339, body.ExpiresAt)
		if n.ExpiresAt = &at; parseErr != nil {
			err = core.Errorf(core.CodeInvalid, "expires_at is %.60q; write it as in 2030-01-31T12:00:00Z", body.ExpiresAt)
		}
	}
	if err == nil {
		err = h.checkPipelines(r.Context(), n.PipelineIDs)
	}
	var secret string
	var made *core.Token
	if err == nil {
		secret, made, err = h.Accounts.CreateToken(r.Context(), identity(r.Context()), n)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	trailOf(r.Context()).target = made.ID
	trailOf(r.Context()).note("user_id", made.UserID)
	w.Header().Set("Cache-Control", "no-store")
	h.answer(w, http.StatusCreated, CreatedToken{Secret: secret, Token: tokenView(made)})
}

// maxTokenPipelines bounds how many pipelines are looked up for a token; who keeps
// tokens may want fewer.
const maxTokenPipelines = 1000

// checkPipelines refuses a token for pipelines that are not there: it would be good for
// nothing, and look as if it were.
func (h *handlers) checkPipelines(ctx context.Context, ids []string) error {
	if len(ids) > maxTokenPipelines {
		return core.Errorf(core.CodeInvalid, "pipeline_ids has %d entries; %d are the most", len(ids), maxTokenPipelines)
	}
	for _, id := range ids {
		if !identity(ctx).Sees(id) {
			return core.NotFound("pipeline", id)
		}
		if _, err := h.Store.Pipeline(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// RevokeToken serves DELETE /tokens/{id}.
func (h *handlers) RevokeToken(w http.ResponseWriter, r *http.Request, id Id) {
	if err := h.Accounts.RevokeToken(r.Context(), ownOnly(r), id); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
