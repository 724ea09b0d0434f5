package notify

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core/condition"
)

// maxSlackText bounds a text that Slack takes, in bytes.
const maxSlackText = 30_000

// passingSlack are Slack's errors that another try may mend.
var passingSlack = []string{"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}

// sendSlack posts to an incoming webhook, or as an app by chat.postMessage.
func (s *Service) sendSlack(ctx context.Context, m *message) error {
	text := m.text
	if len(text) > maxSlackText {
		text = strings.ToValidUTF8(text[:maxSlackText], "") + "…"
	}
	content := map[string]any{"text": text}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	address := m.config[keyURL]
	if channel := m.config["slack_channel"]; address == "" {
		if m.config[keyToken] == "" || channel == "" {
			return permanent("Slack needs a webhook_url, or a slack_token and a slack_channel")
		}
		address = strings.TrimSuffix(s.options.SlackURL, "/") + "/chat.postMessage"
		header.Set("Authorization", "Bearer "+m.config[keyToken])
		content["channel"] = channel
		content["unfurl_links"] = false
		if strings.ContainsFunc(m.config[keyToken], func(c rune) bool { return c <= ' ' || c > '~' }) {
			return permanent("slack_token is no token: it has spaces or line ends")
		}
	}
	body, err := json.Marshal(content)
	if err != nil {
		return permanent("the message cannot be written: %v", err)
	}
	answer, err := s.post(ctx, address, header, string(body))
	if err != nil || m.config[keyURL] != "" {
		return err
	}
	// The Web API answers 200 also when it refuses.
	var said struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	switch err := json.Unmarshal(answer, &said); {
	case err != nil:
		return passing("Slack's answer cannot be read")
	case said.OK:
		return nil
	case slices.Contains(passingSlack, said.Error):
		return passing("Slack said: %s", said.Error)
	default:
		return permanent("Slack said: %s", said.Error)
	}
}

var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackEscape keeps a text from being taken for Slack's own marks: a branch named
// <!channel> would call everybody.
func slackEscape(text string) string { return slackEscaper.Replace(text) }

// slackSafe escapes every value; what the file itself says stays as it is.
func slackSafe(v condition.Variables) condition.Variables {
	v.Branch, v.Tag, v.Commit, v.Repository = slackEscape(v.Branch), slackEscape(v.Tag), slackEscape(v.Commit), slackEscape(v.Repository)
	v.Env, v.Params = maps.Clone(v.Env), maps.Clone(v.Params)
	for _, values := range []map[string]string{v.Env, v.Params} {
		for name, value := range values {
			values[name] = slackEscape(value)
		}
	}
	return v
}
