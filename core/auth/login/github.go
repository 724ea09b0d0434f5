package login

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
)

// GitHub is where GitHub itself is; GitHub Enterprise Server is elsewhere.
const GitHub = "https://github.com"

// GitHubOptions are an OAuth app of GitHub.
type GitHubOptions struct {
	ClientID, ClientSecret, RedirectURL string
	// BaseURL is GitHub if empty.
	BaseURL string
	// Organisations are those whose members are asked for.
	Organisations []string
}

type gitHub struct {
	config        oauth2.Config
	provider, api string
	organisations []string
	http          *http.Client
}

// NewGitHub makes the provider "github". It makes no requests.
func NewGitHub(o GitHubOptions) (Provider, error) {
	base := strings.TrimSuffix(o.BaseURL, "/")
	g := &gitHub{provider: "github", api: "https://api.github.com", organisations: o.Organisations, http: client()}
	if base == "" || base == GitHub {
		base = GitHub
	} else {
		where, err := url.Parse(base)
		if err != nil || where.Host == "" || where.Scheme != "https" && where.Scheme != "http" {
			return nil, fmt.Errorf("GITHUB_OAUTH_BASE_URL: %.100q is not like https://github.example.com", o.BaseURL)
		}
		// Accounts of another server are other accounts, whatever their numbers.
		g.provider, g.api = "github:"+where.Host, base+"/api/v3"
	}
	g.config = oauth2.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURL: o.RedirectURL, Scopes: []string{"read:user", "user:email"},
		Endpoint: oauth2.Endpoint{AuthURL: base + "/login/oauth/authorize", TokenURL: base + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams}}
	if len(o.Organisations) > 0 {
		g.config.Scopes = append(g.config.Scopes, "read:org")
	}
	return g, nil
}

// Name implements Provider.
func (g *gitHub) Name() string { return "github" }

func (g *gitHub) authorize(_ context.Context, f *flow) (string, error) {
	return g.config.AuthCodeURL(f.State, oauth2.S256ChallengeOption(f.Verifier)), nil
}

func (g *gitHub) account(ctx context.Context, code string, f *flow) (*Account, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, g.http)
	token, err := g.config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, external("GitHub", err)
	}
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	if _, err := g.get(ctx, token, "/user", &user); err != nil {
		return nil, external("GitHub", err)
	}
	if user.ID == 0 || user.Login == "" {
		return nil, external("GitHub", fmt.Errorf("the answer of /user has no id or login"))
	}
	a := &Account{Provider: g.provider, Subject: strconv.FormatInt(user.ID, 10), Method: g.Name(), Login: user.Login, Name: user.Name}
	if a.Email, err = g.email(ctx, token); err != nil {
		return nil, external("GitHub", err)
	}
	for _, organisation := range g.organisations {
		member, err := g.member(ctx, token, organisation)
		if err != nil {
			return nil, external("GitHub", err)
		}
		if member {
			a.Organisations = append(a.Organisations, organisation)
		}
	}
	return a, nil
}

// email returns the primary address, if it is verified. The one in a public profile may
// be anything.
func (g *gitHub) email(ctx context.Context, token *oauth2.Token) (string, error) {
	var addresses []struct {
		Email             string `json:"email"`
		Primary, Verified bool
	}
	status, err := g.get(ctx, token, "/user/emails", &addresses)
	if status == http.StatusForbidden || status == http.StatusNotFound {
		return "", nil // they, or the server, do not tell
	}
	for _, address := range addresses {
		if address.Primary && address.Verified {
			return address.Email, err
		}
	}
	return "", err
}

func (g *gitHub) member(ctx context.Context, token *oauth2.Token, organisation string) (bool, error) {
	var membership struct{ State string }
	status, err := g.get(ctx, token, "/user/memberships/orgs/"+url.PathEscape(organisation), &membership)
	if status == http.StatusForbidden || status == http.StatusNotFound {
		return false, nil
	}
	return membership.State == "active", err
}

// get reads a JSON answer; another status than 200 is an error.
func (g *gitHub) get(ctx context.Context, token *oauth2.Token, path string, into any) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.api+path, nil)
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	token.SetAuthHeader(request)
	response, err := g.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("get %s: %w", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, fmt.Errorf("get %s: status %d", path, response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return response.StatusCode, fmt.Errorf("get %s: %w", path, err)
	}
	return response.StatusCode, nil
}
