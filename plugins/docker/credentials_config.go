package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	engineregistry "github.com/docker/docker/api/types/registry"
	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// dockerConfigSecret is the secret that needs no registry_auth: GitLab's name for a
// file of Docker's logins.
const dockerConfigSecret = "DOCKER_AUTH_CONFIG"

// maxDockerConfig bounds such a file.
const maxDockerConfig = 1 << 20

// registryAuth is a login for one registry, or a file of several.
type registryAuth struct {
	Server       string `json:"server,omitempty" jsonschema_description:"The registry's host, and port if any. Without it: the registry of the image"`
	Username     string `json:"username,omitempty" jsonschema_description:"Whom to log in as, or the name of one of the step's secrets"`
	Password     string `json:"password,omitempty" jsonschema_description:"The name of one of the step's secrets: a password or a token"`
	DockerConfig string `json:"docker_config,omitempty" jsonschema_description:"Instead of the others: the name of a secret that holds a docker config.json"`
}

// check refuses an entry that cannot be a login.
func (a registryAuth) check() error {
	login := a.Server != "" || a.Username != "" || a.Password != ""
	switch {
	case a.DockerConfig != "" && login:
		return errors.New("docker_config stands alone: it says which registries it is for")
	case a.DockerConfig != "":
		return nil
	case a.Username == "":
		return errors.New("username is missing")
	case a.Password == "":
		return errors.New("password is missing: the name of one of the step's secrets")
	case a.Server != "" && registryHost(a.Server) == "":
		return errors.New("server has no host; write it like registry.example.com:5000")
	}
	return nil
}

// registryAuths is what registry_auth may be: one entry or a list of them, where the
// name of a secret alone means a docker config.json.
type registryAuths []registryAuth

// UnmarshalJSON reads all forms.
func (a *registryAuths) UnmarshalJSON(data []byte) error {
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		items = []json.RawMessage{data}
	}
	*a = make(registryAuths, len(items))
	for i, item := range items {
		entry := &(*a)[i]
		// What is wrong with a value is not said by showing it: it might be a password.
		if json.Unmarshal(item, &entry.DockerConfig) != nil && json.Unmarshal(item, entry) != nil {
			return errors.New("registry_auth is {server, username, password}, the name of a secret, or a list of these")
		}
		if err := entry.check(); err != nil {
			return fmt.Errorf("registry_auth: %w", err)
		}
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (registryAuths) JSONSchema() *jsonschema.Schema {
	reflector := jsonschema.Reflector{DoNotReference: true, Anonymous: true, RequiredFromJSONSchemaTags: true}
	entry := reflector.Reflect(registryAuth{})
	entry.Version = ""
	name := &jsonschema.Schema{Type: "string"}
	one := []*jsonschema.Schema{entry, name}
	return &jsonschema.Schema{
		Description: "Logins for registries, by names of the step's secrets",
		AnyOf:       append(one, &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: one}}),
	}
}

// dockerConfig is the part of Docker's config.json that has logins.
type dockerConfig struct {
	Auths map[string]struct {
		Auth          string `json:"auth"` // base64 of user:password
		Username      string `json:"username"`
		Password      string `json:"password"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	} `json:"auths"`
	CredsStore  string            `json:"credsStore"`
	CredHelpers map[string]string `json:"credHelpers"`
}

// addFile adds the logins of a config.json that the named secret holds.
func (l *logins) addFile(content, secret, pointer string) error {
	wrong := func(format string, args ...any) error {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: pointer,
			Message:    fmt.Sprintf("the secret %s is no docker config.json: %s", secret, fmt.Sprintf(format, args...)),
			Suggestion: `it looks like {"auths": {"registry.example.com": {"auth": "<base64 of user:password>"}}}`}
	}
	if len(content) > maxDockerConfig {
		return wrong("it is larger than %d bytes", maxDockerConfig)
	}
	var file dockerConfig
	if json.Unmarshal([]byte(content), &file) != nil {
		return wrong("it is not JSON of that form")
	}
	if len(file.Auths) == 0 && (file.CredsStore != "" || len(file.CredHelpers) > 0) {
		return wrong("its passwords are in a credential helper, which only the machine it is from can ask")
	}
	if len(file.Auths) == 0 {
		return wrong("it has no auths")
	}
	// A host's own key comes before one with a path, as Docker has it.
	keys := slices.SortedFunc(maps.Keys(file.Auths), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		auth := file.Auths[key]
		login := engineregistry.AuthConfig{Username: auth.Username, Password: auth.Password,
			IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken}
		if auth.Auth != "" {
			user, password, ok := decodeAuth(auth.Auth)
			if !ok {
				return wrong("auth of %q is not the base64 of user:password", key)
			}
			login.Username, login.Password = user, password
		}
		if login.Password == "" && login.IdentityToken == "" && login.RegistryToken == "" {
			continue // docker login leaves an empty entry where a helper has the password
		}
		l.add(registryHost(key), login)
	}
	return nil
}

// decodeAuth reads "auth" as Docker does, which allows for a password that is padded
// with zero bytes.
func decodeAuth(auth string) (user, password string, ok bool) {
	plain, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(plain), ":")
	return user, strings.Trim(password, "\x00"), ok && user != ""
}
