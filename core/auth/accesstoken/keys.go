package accesstoken

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// key is used with its own method only.
type key struct {
	id                   string
	method               jwt.SigningMethod
	private, public      any
	signsUntil, notAfter time.Time
}

// keys are where keys come from.
type keys interface {
	signing(ctx context.Context) (*key, error)
	// verifying returns nil for a key that is not known, or not any more.
	verifying(ctx context.Context, id string) (*key, error)
	rotate(ctx context.Context) error
}

// secretKey is the operator's JWT_SECRET.
type secretKey struct{ secret []byte }

const secretKeyID = "jwt-secret"

func (s secretKey) signing(context.Context) (*key, error) {
	return &key{id: secretKeyID, method: jwt.SigningMethodHS256, private: s.secret, public: s.secret}, nil
}

func (s secretKey) verifying(ctx context.Context, id string) (*key, error) {
	if id != secretKeyID {
		return nil, nil
	}
	return s.signing(ctx)
}

func (s secretKey) rotate(context.Context) error {
	return &core.Error{Code: core.CodeConflict, Message: "the key is the operator's JWT_SECRET, which the server cannot change",
		Suggestions: []string{"start the server with another JWT_SECRET, or with none"}}
}

// ring has the keys of a store. It is safe for concurrent use.
type ring struct {
	store         core.SigningKeyStore
	sealer        core.Sealer
	life, goodFor time.Duration
	now           func() time.Time

	mu     sync.Mutex
	known  map[string]*key
	newest *key
	// read is when the store was last read: a stranger's made-up key IDs must not
	// have it read at each request.
	read time.Time
}

// rereadAfter is how soon the store is read again for a key that is not known.
const rereadAfter = time.Second

func newRing(o Options) *ring {
	return &ring{store: o.Store, sealer: o.Sealer, life: o.KeyLife, goodFor: o.Life + 2*leeway, now: o.Now, known: map[string]*key{}}
}

func (r *ring) signing(ctx context.Context) (*key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest == nil || !r.now().Before(r.newest.signsUntil) {
		if err := r.load(ctx); err != nil { // another node may have made the next one
			return nil, err
		}
	}
	if r.newest == nil || !r.now().Before(r.newest.signsUntil) {
		if err := r.make(ctx); err != nil {
			return nil, err
		}
	}
	return r.newest, nil
}

func (r *ring) verifying(ctx context.Context, id string) (*key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[id] == nil && r.now().Sub(r.read) >= rereadAfter {
		if err := r.load(ctx); err != nil {
			return nil, err
		}
	}
	if k := r.known[id]; k != nil && r.now().Before(k.notAfter) {
		return k, nil
	}
	return nil, nil
}

func (r *ring) rotate(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.make(ctx)
}

// place is what a private key is bound to.
func place(id string) []byte { return []byte("signing-key\x00" + id) }

// load reads the keys of the store, and removes from it those whose last token has
// expired. Those that cannot be opened, because the keys that they were encrypted with
// are gone, are passed over: tokens signed by them are refused, and their sessions
// refresh.
func (r *ring) load(ctx context.Context) error {
	stored, err := r.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	known := map[string]*key{}
	var newest *key
	for _, s := range stored {
		if !r.now().Before(s.NotAfter) {
			if err := r.store.DeleteSigningKey(ctx, s.ID); err != nil {
				return err
			}
			continue
		}
		seed, err := r.sealer.Open(s.Sealed, place(s.ID))
		if err != nil || len(seed) != ed25519.SeedSize || s.Algorithm != jwt.SigningMethodEdDSA.Alg() {
			continue
		}
		k := r.key(s, ed25519.NewKeyFromSeed(seed))
		known[k.id] = k
		if newest == nil || newest.signsUntil.Before(k.signsUntil) {
			newest = k
		}
	}
	r.known, r.newest, r.read = known, newest, r.now()
	return nil
}

func (r *ring) key(s *core.SigningKey, private ed25519.PrivateKey) *key {
	return &key{id: s.ID, method: jwt.SigningMethodEdDSA, private: private, public: private.Public(), signsUntil: s.SignsUntil, notAfter: s.NotAfter}
}

// make stores a new key before it signs anything.
func (r *ring) make(ctx context.Context) error {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an ID: %w", err)
	}
	now := r.now().UTC().Truncate(time.Microsecond)
	s := &core.SigningKey{ID: id.String(), Algorithm: jwt.SigningMethodEdDSA.Alg(), CreatedAt: now,
		SignsUntil: now.Add(r.life), NotAfter: now.Add(r.life + r.goodFor)}
	if s.Sealed, err = r.sealer.Seal(private.Seed(), place(s.ID)); err != nil {
		return fmt.Errorf("encrypt a signing key: %w", err)
	}
	if err := r.store.CreateSigningKey(ctx, s); err != nil {
		return err
	}
	k := r.key(s, private)
	r.known[k.id], r.newest = k, k
	return nil
}
