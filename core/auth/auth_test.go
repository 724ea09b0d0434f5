package auth

import (
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

func TestFirstTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s := opened(t, store, "")
	secret, created, err := s.FirstToken(t.Context())
	if err != nil || !created || !strings.HasPrefix(secret, tokenPrefix) || len(secret) < 40 {
		t.Fatalf("%q, %v, %v", secret, created, err)
	}
	if _, created, err := s.FirstToken(t.Context()); created || err != nil {
		t.Errorf("a second one: %v, %v", created, err)
	}
	if who, err := opened(t, store, "").Identify(t.Context(), secret); err != nil || who.Name != "admin" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		admin, bearer string
		in            bool
	}{
		"the operator's":         {"secret", "secret", true},
		"a wrong one":            {"secret", "Secret", false},
		"none":                   {"secret", "", false},
		"none, and none is set":  {"", "", false},
		"empty is not a token":   {"", "anything", false},
		"a prefix is not enough": {"secret", "secre", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := opened(t, memory.New(), test.admin).Identify(t.Context(), test.bearer)
			if (err == nil) != test.in {
				t.Errorf("got %v", err)
			}
			if !test.in && core.CodeOf(err) != core.CodeUnauthenticated {
				t.Errorf("code %s", core.CodeOf(err))
			}
		})
	}
}

// opened is a service of a store and the administrator's token alone.
func opened(t *testing.T, store Store, adminToken string) *Service {
	t.Helper()
	s, err := Open(Options{Store: store, AdminToken: adminToken})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
