// Package auth says who makes a request.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// tokenPrefix lets people and secret scanners tell a token when they see one.
const tokenPrefix = "pb_"

// tokenBytes is how much of a token is random.
const tokenBytes = 32

// Service checks tokens. It is safe for concurrent use.
type Service struct {
	store core.TokenStore
	admin [sha256.Size]byte
	// hasAdmin says that the operator gave a token of his own.
	hasAdmin bool
}

// New accepts the tokens of a store, and adminToken if it is not empty.
func New(store core.TokenStore, adminToken string) *Service {
	return &Service{store: store, admin: sha256.Sum256([]byte(adminToken)), hasAdmin: adminToken != ""}
}

// Authenticate returns the name of a bearer token's owner. The error for a wrong one
// has the code CodeUnauthenticated. The time it takes tells nothing about a token:
// hashes are compared, not tokens.
func (s *Service) Authenticate(ctx context.Context, bearer string) (who string, err error) {
	if bearer == "" {
		return "", &core.Error{Code: core.CodeUnauthenticated, Message: "the request has no token",
			Suggestions: []string{"send the header Authorization: Bearer <token>"}}
	}
	hash := sha256.Sum256([]byte(bearer))
	if s.hasAdmin && subtle.ConstantTimeCompare(hash[:], s.admin[:]) == 1 {
		return "admin", nil
	}
	token, err := s.store.TokenByHash(ctx, hex.EncodeToString(hash[:]))
	switch core.CodeOf(err) {
	case "":
		return token.Name, nil
	case core.CodeNotFound:
		return "", &core.Error{Code: core.CodeUnauthenticated, Message: "the token is not valid",
			Suggestions: []string{"use the token that the server printed at its first start, or the one in its PATCHBAY_ADMIN_TOKEN"}}
	default:
		return "", err
	}
}

// FirstToken makes the administrator's token if the store has none yet. The secret
// is returned this once and never stored.
func (s *Service) FirstToken(ctx context.Context) (secret string, created bool, err error) {
	n, err := s.store.CountTokens(ctx)
	if err != nil || n > 0 || s.hasAdmin {
		return "", false, err
	}
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // it never fails; see crypto/rand
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(random)
	hash := sha256.Sum256([]byte(secret))
	id, err := uuid.NewV7()
	if err != nil {
		return "", false, fmt.Errorf("make an ID: %w", err)
	}
	token := &core.Token{ID: id.String(), Name: "admin", Hash: hex.EncodeToString(hash[:]), CreatedAt: time.Now().UTC()}
	if err := s.store.CreateToken(ctx, token); err != nil {
		return "", false, err
	}
	return secret, true, nil
}
