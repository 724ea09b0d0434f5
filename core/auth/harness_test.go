package auth

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// bench is a Service whose clock stands still unless it is moved.
type bench struct {
	*Service
	t     *testing.T
	store *memory.Store

	mu sync.Mutex
	at time.Time
}

const operatorToken = "the operator's own"

func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	o := Options{Store: b.store, AdminToken: operatorToken, Now: b.clock}
	for _, change := range change {
		change(&o)
	}
	var err error
	if b.Service, err = Open(o); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) forward(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func (b *bench) user(name string, role core.Role) *core.User {
	b.t.Helper()
	u, err := b.CreateUser(b.t.Context(), name, core.UserChange{Role: &role})
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func (b *bench) admin() *core.Identity {
	return &core.Identity{Name: "admin", Role: core.RoleAdmin}
}

func (b *bench) token(u *core.User, n core.NewToken) (secret string, token *core.Token) {
	b.t.Helper()
	n.UserID, n.Name = u.ID, or(n.Name, "t")
	secret, token, err := b.CreateToken(b.t.Context(), b.admin(), n)
	if err != nil {
		b.t.Fatal(err)
	}
	return secret, token
}

// login begins a session of a user, by link.
func (b *bench) login(u *core.User) *core.Login {
	b.t.Helper()
	link, _, err := b.CreateLink(b.t.Context(), u.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	login, err := b.Login(b.t.Context(), link, core.ClientInfo{Address: "192.0.2.1", UserAgent: "test"})
	if err != nil {
		b.t.Fatal(err)
	}
	return login
}

func (b *bench) letIn(bearer, name string, role core.Role) *core.Identity {
	b.t.Helper()
	who, err := b.Identify(b.t.Context(), bearer)
	if err != nil || who.Name != name || who.Role != role {
		b.t.Fatalf("%+v, %v; want %s as %s", who, err, name, role)
	}
	return who
}

func (b *bench) keptOut(bearer string) {
	b.t.Helper()
	if who, err := b.Identify(b.t.Context(), bearer); core.CodeOf(err) != core.CodeUnauthenticated {
		b.t.Errorf("let in %+v, %v", who, err)
	}
}

func wantCode(t *testing.T, code core.ErrorCode, err error) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("got %v, want %q", err, code)
	}
}

func pointer[T any](value T) *T { return &value }

// touches counts how often the use of a token is written down.
type touches struct {
	Store
	mu sync.Mutex
	n  int
}

func (s *touches) TouchToken(ctx context.Context, id string, at time.Time) error {
	s.mu.Lock()
	s.n++
	s.mu.Unlock()
	return s.Store.TouchToken(ctx, id, at)
}
