package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	engineregistry "github.com/docker/docker/api/types/registry"
	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestLogins(t *testing.T) {
	t.Parallel()
	auth := base64.StdEncoding.EncodeToString([]byte("ann:se:cret\x00"))
	file := `{"auths": {"https://index.docker.io/v1/": {"auth": "` + auth + `"}, "https://reg.example.com/v2/": {"identitytoken": "it"},
		"reg.example.com": {"username": "u", "password": "short key first"}, "helped.example.com": {}}, "HttpHeaders": {"X": "y"}}`
	hub := engineregistry.AuthConfig{Username: "ann", Password: "se:cret", ServerAddress: dockerHubKey}
	cases := map[string]struct {
		auth    string
		secrets map[string]string
		image   string
		want    engineregistry.AuthConfig
		none    bool
	}{
		"by name": {auth: `{"server": "reg.example.com:5000", "username": "bob", "password": "PW"}`, secrets: map[string]string{"PW": "x"},
			image: "reg.example.com:5000/a/b:1", want: engineregistry.AuthConfig{Username: "bob", Password: "x", ServerAddress: "reg.example.com:5000"}},
		"another port is another registry": {auth: `{"server": "reg.example.com:5000", "username": "bob", "password": "PW"}`,
			secrets: map[string]string{"PW": "x"}, image: "reg.example.com/a/b:1", none: true},
		"server with a scheme and a path": {auth: `{"server": "https://REG.example.com/v2/", "username": "bob", "password": "PW"}`,
			secrets: map[string]string{"PW": "x"}, image: "reg.example.com/a",
			want: engineregistry.AuthConfig{Username: "bob", Password: "x", ServerAddress: "reg.example.com"}},
		"no server: the image's": {auth: `{"username": "bob", "password": "PW"}`, secrets: map[string]string{"PW": "x"}, image: "reg.example.com/a",
			want: engineregistry.AuthConfig{Username: "bob", Password: "x", ServerAddress: "reg.example.com"}},
		"no server, no registry: Docker Hub": {auth: `{"username": "bob", "password": "PW"}`, secrets: map[string]string{"PW": "x"}, image: "team/a",
			want: engineregistry.AuthConfig{Username: "bob", Password: "x", ServerAddress: dockerHubKey}},
		"a secret's value, as an expression leaves it": {auth: `{"username": "who is it", "password": "hunter2"}`,
			secrets: map[string]string{"PW": "hunter2", "WHO": "who is it"}, image: "team/a",
			want: engineregistry.AuthConfig{Username: "who is it", Password: "hunter2", ServerAddress: dockerHubKey}},
		"the user is a secret, too": {auth: `{"username": "WHO", "password": "PW"}`, secrets: map[string]string{"PW": "x", "WHO": "carl"}, image: "a",
			want: engineregistry.AuthConfig{Username: "carl", Password: "x", ServerAddress: dockerHubKey}},
		"a file, by GitLab's name":  {secrets: map[string]string{"DOCKER_AUTH_CONFIG": file}, image: "alpine", want: hub},
		"a file, by a name":         {auth: `"FILE"`, secrets: map[string]string{"FILE": file}, image: "docker.io/library/alpine", want: hub},
		"a file, by a key":          {auth: `[{"docker_config": "FILE"}]`, secrets: map[string]string{"FILE": file}, image: "index.docker.io/a/b", want: hub},
		"an entry without a login":  {auth: `"FILE"`, secrets: map[string]string{"FILE": file}, image: "helped.example.com/a", none: true},
		"a host's own key is first": {auth: `"FILE"`, secrets: map[string]string{"FILE": file}, image: "reg.example.com/a", want: engineregistry.AuthConfig{Username: "u", Password: "short key first", ServerAddress: "reg.example.com"}},
		"registry_auth wins":        {auth: `{"server": "docker.io", "username": "bob", "password": "PW"}`, secrets: map[string]string{"PW": "x", "DOCKER_AUTH_CONFIG": file}, image: "a", want: engineregistry.AuthConfig{Username: "bob", Password: "x", ServerAddress: dockerHubKey}},
		"nothing":                   {secrets: map[string]string{"OTHER": "x"}, image: "a", none: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := newLogins(auths(t, c.auth), c.image, c.secrets)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := l.forImage(c.image)
			if err != nil {
				t.Fatal(err)
			}
			if c.none {
				if encoded != "" || l.has(c.image) {
					t.Errorf("got %q", encoded)
				}
				return
			}
			got, err := engineregistry.DecodeAuthConfig(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(c.want, *got); difference != "" {
				t.Error(difference)
			}
			if difference := cmp.Diff(c.want, l.all()[c.want.ServerAddress]); difference != "" {
				t.Errorf("for a build: %s", difference)
			}
		})
	}
}

func auths(t *testing.T, text string) registryAuths {
	t.Helper()
	var a registryAuths
	if text != "" {
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func TestLoginsThatAreWrong(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	cases := map[string]struct {
		auth    string
		secrets map[string]string
		want    string
		pointer string
	}{
		"a password in the pipeline": {auth: `{"username": "u", "password": "hunter2"}`, secrets: map[string]string{"A": "1", "B": "2"},
			want: "it has A, B", pointer: "/registry_auth/password"},
		"no secrets":            {auth: `{"username": "u", "password": "hunter2"}`, want: "the step names no secrets", pointer: "/registry_auth/password"},
		"the second of a list":  {auth: `["F", {"username": "u", "password": "hunter2"}]`, secrets: map[string]string{"F": `{"auths":{"a":{}}}`}, want: "password of registry_auth is not", pointer: "/registry_auth/1/password"},
		"an empty secret":       {auth: `{"username": "u", "password": "PW"}`, secrets: map[string]string{"PW": ""}, want: "the secret PW is empty", pointer: "/registry_auth/password"},
		"an unknown file":       {auth: `"hunter2"`, want: "docker_config of registry_auth is not", pointer: "/registry_auth"},
		"a file that is none":   {auth: `"F"`, secrets: map[string]string{"F": value}, want: "the secret F is no docker config.json"},
		"a file without logins": {secrets: map[string]string{"DOCKER_AUTH_CONFIG": `{}`}, want: "it has no auths"},
		"a helper's file":       {secrets: map[string]string{"DOCKER_AUTH_CONFIG": `{"credsStore":"x"}`}, want: "credential helper"},
		"wrong base64":          {secrets: map[string]string{"DOCKER_AUTH_CONFIG": `{"auths":{"r":{"auth":"hunter2"}}}`}, want: `auth of "r" is not`},
		"no colon":              {secrets: map[string]string{"DOCKER_AUTH_CONFIG": `{"auths":{"r":{"auth":"aHVudGVyMg=="}}}`}, want: `auth of "r" is not`},
		"wrong type":            {secrets: map[string]string{"DOCKER_AUTH_CONFIG": `{"auths":["hunter2"]}`}, want: "not JSON of that form"},
		"huge":                  {secrets: map[string]string{"DOCKER_AUTH_CONFIG": strings.Repeat(" ", maxDockerConfig+1)}, want: "larger than"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newLogins(auths(t, c.auth), "a", c.secrets)
			problem, ok := err.(*sdk.Error)
			if !ok || problem.Class != sdk.ClassInvalidConfig || !strings.Contains(err.Error(), c.want) || problem.Pointer != c.pointer && c.pointer != "" {
				t.Fatalf("got %#v", err)
			}
			if strings.Contains(problem.Message+problem.Suggestion, value) {
				t.Errorf("the value is shown: %v", err)
			}
		})
	}
}

func TestRegistryAuthThatIsWrong(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"username": "u"}`: "password is missing", `{"password": "P"}`: "username is missing", `{}`: "username is missing",
		`{"docker_config": "F", "server": "r"}`: "stands alone", `{"server": "https:///", "username": "u", "password": "P"}`: "no host",
		`7`: "registry_auth is {", `[["F"]]`: "registry_auth is {", `{"username": 7}`: "registry_auth is {",
	} {
		var a registryAuths
		if err := json.Unmarshal([]byte(config), &a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", config, err, want)
		}
	}
}

func TestCredentialsAreNotForTheProgram(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"PW": "x", "WHO": "ann", "FILE": "{}", "DOCKER_AUTH_CONFIG": "{}", "OTHER": "o"}
	got := withoutCredentials(auths(t, `[{"username": "WHO", "password": "PW"}, "FILE"]`), secrets)
	if difference := cmp.Diff(map[string]string{"WHO": "ann", "OTHER": "o"}, got); difference != "" {
		t.Error(difference)
	}
	if len(secrets) != 5 {
		t.Error("the step's own map was changed")
	}
}

func FuzzDockerConfig(f *testing.F) {
	f.Add(`{"auths":{"r":{"auth":"dTpw"}}}`)
	f.Add(`{"auths":{"":{"password":"p"}}}`)
	f.Add(`{"credsStore":"x"}`)
	f.Fuzz(func(t *testing.T, content string) {
		l := &logins{byHost: map[string]engineregistry.AuthConfig{}}
		if err := l.addFile(content, "FILE", ""); err != nil && sdk.ClassOf(err) != sdk.ClassInvalidConfig {
			t.Errorf("got %v", err)
		}
	})
}
