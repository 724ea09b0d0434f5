package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("public_url: https://file\nrate_limit: 5/m\ncors_origins: [https://a, https://b]\ncors_credentials: true\nlogin_allow: '*'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"RATE": "", "PATCHBAY_RATE_LIMIT": "7/m", "JWT_EXPIRED_IN": "1h", "JWT_SECRET": "hidden", "GITHUB_OAUTH_CLIENT_ID": "id", "CLIENT_ORIGIN": ""}
	flags := Server{Access: Access{PublicURL: "https://flag"}}
	got, err := Load(flags, file, func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	want := Access{PublicURL: "https://flag", RateLimit: "7/m", CORSOrigins: "https://a,https://b", CORSCredentials: "true", LoginAllow: "*", AccessTokenLife: "1h",
		GitHubClientID: "id", JWTSecret: "hidden", CookieSecure: "auto", LoginRateLimit: "20/15m", LoginRole: "viewer", AuditRetention: "365d"}
	if diff := cmp.Diff(want, got.Access); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"https://a", "https://b"}, got.Access.CORSOrigins.List()); diff != "" {
		t.Error(diff)
	}
}

// Whatever prints a secret prints none.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := Server{AdminToken: "hidden", Access: Access{JWTSecret: "hidden", GitHubClientSecret: "hidden", OIDCClientSecret: "hidden"}}
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %s %q %v", s, s, s.AdminToken, s.AdminToken, &s), string(asJSON), string(asYAML)} {
		if strings.Contains(text, "hidden") {
			t.Errorf("printed: %s", text)
		}
	}
}

// A secret in the file is a mistake, not a setting.
func TestSecretsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"jwt_secret", "admin_token", "github_client_secret", "rate_limit: {a: 1}\n#"} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(key+": x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Server{}, file, func(string) string { return "" }); err == nil {
			t.Errorf("%s is accepted", key)
		}
	}
}
