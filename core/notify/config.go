package notify

import (
	"context"
	"maps"
	"regexp"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
)

// The keys of a target's config whose values are credentials: they alone may have
// secrets in them, and they are never shown.
const (
	keyURL    = "webhook_url"
	keyToken  = "slack_token"
	keySecret = "webhook_secret"
)

var (
	// secretName is a value that is a secret's name by its looks.
	secretName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	// reference is ${NAME}, or $${NAME} for a literal one.
	reference = regexp.MustCompile(`\$?\$\{[A-Za-z_][A-Za-z0-9_]*\}`)
)

// fill puts secrets and values into the texts of a target.
func (s *Service) fill(ctx context.Context, m *message, target core.NotificationTarget) error {
	m.config, m.secrets = map[string]string{}, map[string]string{}
	variables := m.variables()
	if target.Type == core.TargetSlack {
		variables = slackSafe(variables)
	}
	for key, text := range target.Config {
		value, err := "", error(nil)
		switch key {
		case keyURL, keyToken, keySecret:
			value, err = s.credential(ctx, m, key, text)
		default:
			value, err = expand(text, variables)
		}
		if err != nil {
			return m.masked(err)
		}
		m.config[key] = value
	}
	m.subject, m.text = m.headline(), m.defaultText()
	if text := m.config["subject"]; text != "" {
		m.subject = short(text)
	}
	if text := m.config["message"]; text != "" {
		m.text = text
	} else if target.Type == core.TargetSlack {
		m.text = slackEscape(m.text)
	}
	return nil
}

// expand evaluates the ${NAME} and the ${{ expressions }} of a text.
func expand(text string, v condition.Variables) (string, error) {
	template, err := condition.ParseTemplate(text)
	if err != nil {
		return "", permanent("an expression cannot be read: %v", err)
	}
	expanded, err := template.ExpandWith(v, func(literal string) string {
		return reference.ReplaceAllStringFunc(literal, func(found string) string {
			if escaped, ok := strings.CutPrefix(found, "$$"); ok {
				return "$" + escaped
			}
			if value, set := v.Env[found[2:len(found)-1]]; set {
				return value
			}
			return found
		})
	})
	if err != nil {
		return "", permanent("an expression cannot be evaluated: %v", err)
	}
	return expanded, nil
}

// credential is expand for a text with secrets: ${{ secrets.NAME }}, ${NAME} for a name
// that is no variable's, or, but for an address, the name alone.
func (s *Service) credential(ctx context.Context, m *message, key, text string) (string, error) {
	if key != keyURL && secretName.MatchString(text) {
		text = "${{ secrets." + text + " }}"
	}
	template, err := condition.ParseTemplate(text)
	if err != nil {
		return "", permanent("%s: an expression cannot be read: %v", key, err)
	}
	v := m.variables()
	var names []string
	for _, r := range template.References() {
		if r.Kind == "secrets" {
			names = append(names, r.Name)
		}
	}
	var plain []string
	for _, found := range reference.FindAllString(text, -1) {
		name := found[strings.IndexByte(found, '{')+1 : len(found)-1]
		if _, known := v.Env[name]; !known && !strings.HasPrefix(found, "$$") {
			plain = append(plain, name)
		}
	}
	secrets, err := s.resolve(ctx, m, append(names, plain...))
	if err != nil {
		return "", err
	}
	v.Secrets = secrets
	for _, name := range plain {
		v.Env[name] = secrets[name]
	}
	return expand(text, v)
}

// resolve reads secrets, and remembers them as those of the message.
func (s *Service) resolve(ctx context.Context, m *message, names []string) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if s.options.Secrets == nil {
		return nil, permanent("this server has no secrets")
	}
	values, err := s.options.Secrets.Resolve(ctx, m.PipelineID, names)
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, permanent("%v; set it, and retry the notification", err)
	}
	if err != nil {
		s.log.Error("a notification's secrets cannot be read", "notification", m.ID, "error", err)
		return nil, passing("its secrets cannot be read")
	}
	maps.Copy(m.secrets, values)
	return values, nil
}
