// Package auth says who makes a request and what they may do, and keeps what that
// takes: users, grants, tokens and sessions.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth/accesstoken"
)

// Store is what a Service needs of a core.Store.
type Store interface {
	core.UserStore
	core.TokenStore
	core.SessionStore
	core.SigningKeyStore
}

// Options are what a Service is made of. Only Store must be given.
type Options struct {
	Store Store
	// AdminToken is accepted as the administrator's, if it is not empty.
	AdminToken string
	// Sealer encrypts signing keys in the store; without one, keys last as long as
	// the process.
	Sealer core.Sealer
	// JWTSecret makes access tokens HS256 with this secret.
	JWTSecret string
	// Issuer is the claim iss; DefaultIssuer if empty.
	Issuer string
	// AccessLife is how long an access token is good; DefaultAccessLife if 0.
	AccessLife time.Duration
	Policy     Policy
	Logger     hclog.Logger
	Now        func() time.Time
}

// Defaults, and what cannot be changed.
const (
	DefaultIssuer     = "patchbay"
	DefaultAccessLife = 15 * time.Minute
	// keyLife is how long a key signs access tokens.
	keyLife = 24 * time.Hour
	// sessionIdle is how long a session lives without being used, sessionLife how
	// long at the most.
	sessionIdle = 14 * 24 * time.Hour
	sessionLife = 90 * 24 * time.Hour
	// linkLife is how long a one-time link is good.
	linkLife = 15 * time.Minute
)

// Service knows users. It is safe for concurrent use, and several nodes may share a
// store.
type Service struct {
	store  Store
	access *accesstoken.Issuer
	admin  [sha256.Size]byte
	// hasAdmin says that the operator gave a token of his own.
	hasAdmin bool
	policy   Policy
	log      hclog.Logger
	now      func() time.Time

	mu      sync.Mutex
	touched map[string]time.Time // when tokens were last said to be used
}

// Open makes a Service. It fails for a JWTSecret that is too short.
func Open(o Options) (*Service, error) {
	s := &Service{store: o.Store, admin: sha256.Sum256([]byte(o.AdminToken)), hasAdmin: o.AdminToken != "",
		policy: o.Policy, log: o.Logger, now: o.Now, touched: map[string]time.Time{}}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Sealer == nil {
		o.Sealer = NewSealer()
	}
	var err error
	s.access, err = accesstoken.New(accesstoken.Options{Name: or(o.Issuer, DefaultIssuer), Life: or(o.AccessLife, DefaultAccessLife),
		Secret: o.JWTSecret, Store: o.Store, Sealer: o.Sealer, KeyLife: keyLife, Now: s.now})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// moment is now, in a form that every store keeps.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Rotate has access tokens signed with a new key from now on.
func (s *Service) Rotate(ctx context.Context) error { return s.access.Rotate(ctx) }

// Clean removes sessions that are over.
func (s *Service) Clean(ctx context.Context) error {
	_, err := s.store.DeleteSessions(ctx, s.moment())
	return err
}

// The beginnings let people and secret scanners tell tokens when they see them.
const (
	tokenPrefix   = "pb_"
	linkPrefix    = "pbl_"
	refreshPrefix = "pbr_"
	// shown is how much of a token is kept to recognise it by.
	shown = 8
	// tokenBytes is how much of a token is random.
	tokenBytes = 32
	// maxCredential is longer than anything that can be right.
	maxCredential = 4096
)

// newSecret makes a token.
func newSecret(prefix string) string {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // it never fails; see crypto/rand
	return prefix + base64.RawURLEncoding.EncodeToString(random)
}

// digest is how secrets are stored. They are random, so no salt and no slow hash is
// needed.
func digest(secret string) string {
	hash := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(hash[:])
}

func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an ID: %w", err)
	}
	return id.String(), nil
}
