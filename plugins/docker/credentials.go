package main

import (
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	engineregistry "github.com/docker/docker/api/types/registry"

	"github.com/patchbay-ci/patchbay/sdk"
)

const (
	// dockerHub is the registry of an image whose name says none.
	dockerHub = "docker.io"
	// dockerHubKey is what Docker files its login under.
	dockerHubKey = "https://index.docker.io/v1/"
)

// logins are the credentials that one step has for registries. They are made of its
// secrets, go to the Engine in a header of its API, and nowhere else.
type logins struct {
	byHost map[string]engineregistry.AuthConfig
}

// newLogins reads a step's credentials: registry_auth first, then the secret
// DOCKER_AUTH_CONFIG. image is for entries that name no server: their login is for
// its registry. An error never has a value in it, not even one that was meant to be
// the name of a secret.
func newLogins(auths registryAuths, image string, secrets map[string]string) (*logins, error) {
	l := &logins{byHost: map[string]engineregistry.AuthConfig{}}
	for i, auth := range auths {
		if err := l.addEntry(auth, "/registry_auth"+auths.pointer(i), image, secrets); err != nil {
			return nil, err
		}
	}
	if file, given := secrets[dockerConfigSecret]; given {
		if err := l.addFile(file, dockerConfigSecret, ""); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *logins) addEntry(auth registryAuth, pointer, image string, secrets map[string]string) error {
	if auth.DockerConfig != "" {
		name, named := secretNamed(auth.DockerConfig, secrets)
		if !named {
			return noSecret(pointer, "docker_config", secrets)
		}
		return l.addFile(secrets[name], name, pointer)
	}
	password, named := secretNamed(auth.Password, secrets)
	if !named {
		return noSecret(pointer+"/password", "password", secrets)
	}
	login := engineregistry.AuthConfig{Username: auth.Username, Password: secrets[password]}
	if name, named := secretNamed(auth.Username, secrets); named {
		login.Username = secrets[name]
	}
	if login.Password == "" {
		return invalid(pointer+"/password", "set it again: patchbay secret set "+password, "the secret %s is empty", password)
	}
	server := registryHost(auth.Server)
	if auth.Server == "" {
		server = imageHost(image)
	}
	l.add(server, login)
	return nil
}

// add keeps the first login for a registry.
func (l *logins) add(host string, login engineregistry.AuthConfig) {
	if _, taken := l.byHost[host]; !taken {
		login.ServerAddress = engineKey(host)
		l.byHost[host] = login
	}
}

// forImage is the login for an image's registry, as the Engine wants it with a pull
// or a push: "" when the step has none. It is not to be shown to anybody.
func (l *logins) forImage(image string) (string, error) {
	login, known := l.byHost[imageHost(image)]
	if !known {
		return "", nil
	}
	encoded, err := engineregistry.EncodeAuthConfig(login)
	if err != nil {
		return "", fmt.Errorf("encode the login for %s: %w", imageHost(image), err)
	}
	return encoded, nil
}

// has reports whether there is a login for the image's registry.
func (l *logins) has(image string) bool {
	_, known := l.byHost[imageHost(image)]
	return known
}

// all are the logins as the Engine wants them with a build.
func (l *logins) all() map[string]engineregistry.AuthConfig {
	keyed := make(map[string]engineregistry.AuthConfig, len(l.byHost))
	for host, login := range l.byHost {
		keyed[engineKey(host)] = login
	}
	return keyed
}

// withoutCredentials are the secrets that a step's program may see: all but those by
// which the connector logs in for it.
func withoutCredentials(auths registryAuths, secrets map[string]string) map[string]string {
	rest := maps.Clone(secrets)
	delete(rest, dockerConfigSecret)
	for _, auth := range auths {
		for _, text := range []string{auth.Password, auth.DockerConfig} {
			if name, named := secretNamed(text, secrets); named {
				delete(rest, name)
			}
		}
	}
	return rest
}

// secretNamed returns which of the step's secrets a config's text stands for: by its
// name, or by its value, which is what ${{ secrets.NAME }} has become by now. Any
// other text is none: credentials are not to be written into a pipeline.
func secretNamed(text string, secrets map[string]string) (name string, named bool) {
	if text == "" {
		return "", false
	}
	if _, named := secrets[text]; named {
		return text, true
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if subtle.ConstantTimeCompare([]byte(secrets[name]), []byte(text)) == 1 {
			return name, true
		}
	}
	return "", false
}

func noSecret(pointer, key string, secrets map[string]string) error {
	have := "the step names no secrets"
	if len(secrets) > 0 {
		have = "it has " + strings.Join(slices.Sorted(maps.Keys(secrets)), ", ")
	}
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: pointer,
		Message:    fmt.Sprintf("%s of registry_auth is not the name of one of the step's secrets (%s)", key, have),
		Suggestion: "store it (patchbay secret set NAME), add NAME to secrets: of the step, and write " + key + ": NAME"}
}

// registryHost is the host, and the port if any, of a registry's address; Docker
// Hub's many are one.
func registryHost(address string) string {
	host := strings.ToLower(strings.TrimSpace(address))
	if _, rest, found := strings.Cut(host, "://"); found {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io":
		return dockerHub
	}
	return host
}

// imageHost is the registry that an image's name names. A name that is none is said
// to be Docker Hub's; the Engine refuses it.
func imageHost(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return dockerHub
	}
	return registryHost(reference.Domain(named))
}

func engineKey(host string) string {
	if host == dockerHub {
		return dockerHubKey
	}
	return host
}

// pointer is the place of an item, which may have been written without a list.
func (a registryAuths) pointer(i int) string {
	if len(a) == 1 {
		return ""
	}
	return "/" + strconv.Itoa(i)
}
