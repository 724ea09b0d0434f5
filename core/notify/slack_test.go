package notify_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
)

// slackAPI answers like Slack's Web API: 200 also when it refuses.
func slackAPI(t *testing.T, answers ...string) *receiver {
	return receive(t, func(w http.ResponseWriter, r *http.Request, number int) {
		if r.URL.Path != "/api/chat.postMessage" || r.Method != http.MethodPost {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answers[min(number, len(answers))-1]))
	})
}

func TestSlack(t *testing.T) {
	t.Parallel()
	const refused, passing = `{"ok":false,"error":"channel_not_found"}`, `{"ok":false,"error":"ratelimited"}`
	app := map[string]string{"slack_channel": "#ci", "slack_token": "SLACK_TOKEN"}
	for name, test := range map[string]struct {
		config  map[string]string
		answers []string
		state   core.NotificationState
		tries   int
		says    string
	}{
		"an app":              {app, []string{`{"ok":true}`}, core.NotificationSent, 1, ""},
		"an app, in time":     {app, []string{passing, `{"ok":true}`}, core.NotificationSent, 2, ""},
		"an unknown channel":  {app, []string{refused}, core.NotificationFailed, 1, "channel_not_found"},
		"an odd answer":       {app, []string{"<html>"}, core.NotificationFailed, notify.MaxAttempts, "cannot be read"},
		"no token":            {map[string]string{"slack_channel": "#ci"}, nil, core.NotificationFailed, 1, "webhook_url"},
		"a token that is not": {map[string]string{"slack_channel": "#ci", "slack_token": "MISSING"}, nil, core.NotificationFailed, 1, "there is no secret MISSING"},
		"a token of two":      {map[string]string{"slack_channel": "#ci", "slack_token": "${{ secrets.SLACK_TOKEN }}\nX: y"}, nil, core.NotificationFailed, 1, "no token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := slackAPI(t, test.answers...)
			b := newBench(t, func(o *notify.Options) { o.SlackURL = api.URL + "/api" })
			b.secret("SLACK_TOKEN", "xoxb-1234")
			e := b.execution(onFailure(core.TargetSlack, test.config))
			b.fail(e)
			n := b.settled(e, 1)[0]
			if n.State != test.state || n.Attempts != test.tries || !strings.Contains(n.LastError, test.says) || strings.Contains(n.LastError, "xoxb") {
				t.Errorf("%+v", n)
			}
			for _, c := range api.got() {
				var said struct{ Channel, Text string }
				if err := json.Unmarshal([]byte(c.body), &said); err != nil {
					t.Fatal(err)
				}
				if c.header.Get("Authorization") != "Bearer xoxb-1234" || said.Channel != "#ci" || !strings.HasPrefix(said.Text, "site #1 failed on main\n") {
					t.Errorf("%v %+v", c.header, said)
				}
			}
		})
	}
}

// Values cannot call a channel or forge a link; what the file itself says can.
func TestSlackText(t *testing.T) {
	t.Parallel()
	b, hook := newBench(t, nil), receive(t, nil)
	b.secret("SLACK_URL", hook.URL+"/services/T0/B0/x")
	e := b.execution(&core.Notifications{OnSuccess: []core.NotificationTarget{
		{Type: core.TargetSlack, Config: map[string]string{"webhook_url": "${{ secrets.SLACK_URL }}",
			"message": "<!here> ${CI_BRANCH} of ${{ params.team }} is ${CI_STATUS}, see $${THIS} ${UNKNOWN}"}},
		{Type: core.TargetSlack, Config: map[string]string{"webhook_url": "${{ secrets.SLACK_URL }}"}}}})
	e.Trigger.Branch = "<!channel>&"
	b.move(e, core.StatusSuccess, "")
	for _, n := range b.settled(e, 2) {
		if n.State != core.NotificationSent || n.Target != "an address in a secret" {
			t.Errorf("%+v", n)
		}
	}
	texts := ""
	for _, c := range hook.got() {
		var said struct{ Text string }
		if err := json.Unmarshal([]byte(c.body), &said); err != nil {
			t.Fatal(err)
		}
		texts += said.Text + "\n"
	}
	if !strings.Contains(texts, "<!here> &lt;!channel&gt;&amp; of red &lt;team&gt; is success, see ${THIS} ${UNKNOWN}\n") ||
		!strings.Contains(texts, "site #1 succeeded on &lt;!channel&gt;&amp;\n") {
		t.Error(texts)
	}
}
