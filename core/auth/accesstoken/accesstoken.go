// Package accesstoken makes and checks the short-lived tokens of sessions: JSON Web
// Tokens (RFC 7519) of the profile in RFC 9068, signed with keys that rotate.
//
// What a token says about its kind and algorithm decides nothing: a token is of the
// one algorithm that this server uses, and a key is only ever used with its own. So
// no public key can be taken for a shared secret, and nothing is unsigned.
package accesstoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

const (
	// kind is the header typ: a token of another kind with the same key is not ours.
	kind     = "at+jwt"
	audience = "patchbay-api"
	// leeway is how far the clocks of two nodes may be apart.
	leeway = 5 * time.Second
	// MaxLength is more than any token of ours has.
	MaxLength = 2048
)

// Claims are what a token says.
type Claims struct {
	UserID, SessionID string
	ExpiresAt         time.Time
}

// claims is the wire form.
type claims struct {
	jwt.RegisteredClaims
	SessionID string `json:"sid"`
}

// Options are what an Issuer needs.
type Options struct {
	// Name is who issues and checks: the claim iss.
	Name string
	// Life is how long a token is good.
	Life time.Duration
	// Secret makes it HS256 with this secret; otherwise it is EdDSA with keys of the
	// store.
	Secret string
	Store  core.SigningKeyStore
	// Sealer encrypts the private keys in the store.
	Sealer core.Sealer
	// KeyLife is how long a key signs before the next one takes over.
	KeyLife time.Duration
	Now     func() time.Time
}

// Issuer makes and checks tokens. It is safe for concurrent use, and several nodes on
// one store accept each other's.
type Issuer struct {
	name   string
	life   time.Duration
	now    func() time.Time
	keys   keys
	parser *jwt.Parser
}

// minSecret is what RFC 7518, 3.2, asks of a secret for HS256.
const minSecret = 32

// New makes an Issuer. It returns an error for a secret that is too short to be one.
func New(o Options) (*Issuer, error) {
	i := &Issuer{name: o.Name, life: o.Life, now: o.Now}
	method := jwt.SigningMethod(jwt.SigningMethodEdDSA)
	if o.Secret != "" {
		if len(o.Secret) < minSecret {
			return nil, fmt.Errorf("JWT_SECRET has %d bytes; HS256 needs at least %d: make one with: head -c 32 /dev/urandom | base64, "+
				"or leave it out, and the server makes keys of its own", len(o.Secret), minSecret)
		}
		method = jwt.SigningMethodHS256
		i.keys = secretKey{[]byte(o.Secret)}
	} else {
		i.keys = newRing(o)
	}
	i.parser = jwt.NewParser(jwt.WithValidMethods([]string{method.Alg()}), jwt.WithIssuer(o.Name), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(o.Now), jwt.WithStrictDecoding())
	return i, nil
}

// Issue makes a token of a session, and says when it expires.
func (i *Issuer) Issue(ctx context.Context, userID, sessionID string) (text string, expires time.Time, err error) {
	key, err := i.keys.signing(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make an ID: %w", err)
	}
	now := i.now().Truncate(time.Second) // the wire form has whole seconds
	expires = now.Add(i.life)
	token := jwt.NewWithClaims(key.method, claims{SessionID: sessionID, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: i.name, Subject: userID, Audience: jwt.ClaimStrings{audience}, ID: id.String(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires)}})
	token.Header["kid"], token.Header["typ"] = key.id, kind
	if text, err = token.SignedString(key.private); err != nil {
		return "", time.Time{}, fmt.Errorf("sign an access token: %w", err)
	}
	return text, expires.UTC(), nil
}

// Verify checks a token. Its error has the code CodeUnauthenticated for one that is
// not good, and another one when that cannot be known.
func (i *Issuer) Verify(ctx context.Context, text string) (*Claims, error) {
	if len(text) > MaxLength {
		return nil, refusal("the access token is not valid", nil)
	}
	var trouble error // of the store, which the parser would take for a bad token
	var got claims
	_, err := i.parser.ParseWithClaims(text, &got, func(token *jwt.Token) (any, error) {
		id, _ := token.Header["kid"].(string)
		if token.Header["typ"] != kind || id == "" {
			return nil, errors.New("not an access token")
		}
		key, err := i.keys.verifying(ctx, id)
		if err != nil {
			trouble = err
			return nil, err
		}
		if key == nil || key.method != token.Method {
			return nil, errors.New("unknown key")
		}
		return key.public, nil
	})
	switch {
	case trouble != nil:
		return nil, trouble
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, refusal("the access token has expired", err)
	case err != nil || got.Subject == "" || got.SessionID == "":
		return nil, refusal("the access token is not valid", err)
	}
	return &Claims{UserID: got.Subject, SessionID: got.SessionID, ExpiresAt: got.ExpiresAt.Time}, nil
}

// Rotate has the next token signed with a new key. Those that are out stay good.
func (i *Issuer) Rotate(ctx context.Context) error { return i.keys.rotate(ctx) }

func refusal(message string, err error) error {
	return &core.Error{Code: core.CodeUnauthenticated, Message: message, Err: err,
		Suggestions: []string{"get a new one with the refresh token (POST /api/sessions/refresh), or log in again"}}
}
