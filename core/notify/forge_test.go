package notify_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

// journalEnv names the file in which the connectors of the tests note what they report.
const journalEnv = "NOTIFYTEST_JOURNAL"

// TestMain is a connector when a host launches the test binary under the name of one.
func TestMain(m *testing.M) {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), pluginhost.Prefix); ok {
		sdk.Serve(newConnector(name))
		return
	}
	os.Exit(m.Run())
}

// mute is a connector that cannot report.
type mute struct{ *sdk.Actions }

// forge reports into a file; its context says how it misbehaves.
type forge struct{ mute }

func newConnector(name string) sdk.Connector {
	info := sdk.Info{Name: name, Version: "0.1.0", Summary: "For tests"}
	if name == "forge" {
		info.Secrets = []sdk.SecretInfo{{Name: "FORGE_TOKEN", Required: true}}
	}
	actions := mute{sdk.NewActions(info, sdk.NewAction("nothing", "Does nothing",
		func(context.Context, sdk.Request[struct{}], *sdk.Session) (sdk.Result, error) {
			return sdk.Succeeded(), nil
		}))}
	if name == "mute" {
		return actions
	}
	return forge{actions}
}

func (forge) ReportStatus(ctx context.Context, r sdk.StatusReport) error {
	file, err := os.OpenFile(os.Getenv(journalEnv), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	words := []string{string(r.State), r.Repository + "@" + r.Commit, r.Context, r.Secrets["FORGE_TOKEN"], r.URL, r.Description}
	if _, err := file.WriteString(strings.Join(words, "|") + "\n"); err != nil {
		return err
	}
	switch r.Context {
	case "refuses":
		return sdk.Errorf(sdk.ClassAuthentication, "the token %s is no good", r.Secrets["FORGE_TOKEN"])
	case "is down":
		return sdk.Errorf(sdk.ClassExternalService, "502")
	case "hangs while it runs":
		if r.State == sdk.RunRunning {
			<-ctx.Done()
			return ctx.Err()
		}
	}
	return nil
}

// withForge starts a bench whose connectors are real processes, and returns what reads
// their journal.
func withForge(t *testing.T, change func(*notify.Options)) (*bench, func() []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugins, journal := t.TempDir(), filepath.Join(t.TempDir(), "journal")
	for _, name := range []string{"forge", "mute"} {
		if err := os.Link(self, filepath.Join(plugins, pluginhost.Prefix+name)); err != nil {
			content, readErr := os.ReadFile(self)
			if readErr != nil || os.WriteFile(filepath.Join(plugins, pluginhost.Prefix+name), content, 0o700) != nil {
				t.Fatal(err)
			}
		}
	}
	host, err := pluginhost.New(pluginhost.Options{Path: []string{plugins}, Logger: hclog.NewNullLogger(),
		EnvAllow: []string{journalEnv, "GORACE"}, Environ: append(os.Environ(), journalEnv+"="+journal)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	b := newBench(t, func(o *notify.Options) {
		o.Connectors = host
		if change != nil {
			change(o)
		}
	})
	return b, func() []string {
		content, err := os.ReadFile(journal)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(content)), "\n")
	}
}

// delivered has a forge's delivery start a run.
func (b *bench) delivered(connector string, n *core.Notifications) *core.Execution {
	b.Helper()
	e := b.execution(n)
	again := *e
	again.ID, again.Trigger.Connector = strings.Replace(e.ID, e.ID[:4], "ffff", 1), connector
	if err := b.watched.CreateExecution(b.Context(), &again); err != nil {
		b.Fatal(err)
	}
	return &again
}

// A run that a forge started is reported to it, pending, running and ended, in this
// order, without a word in the file.
func TestReportsBack(t *testing.T) {
	t.Parallel()
	b, reported := withForge(t, nil)
	b.secret("FORGE_TOKEN", "t0ken-of-the-forge")
	e := b.delivered("forge", nil)
	sent := func(many int) func([]*core.Notification) bool {
		return func(list []*core.Notification) bool {
			return len(list) == many && !slices.ContainsFunc(list, func(n *core.Notification) bool { return n.State != core.NotificationSent })
		}
	}
	b.await(e, sent(1))
	b.move(e, core.StatusRunning, "")
	b.await(e, sent(2))
	b.move(e, core.StatusFailed, "step unit: exit code 1")
	b.await(e, sent(3))
	var want []string
	for _, step := range [][2]string{{"pending", "build #2 is waiting"}, {"running", "build #2 started"}, {"failed", "build #2 failed: step unit: exit code 1"}} {
		want = append(want, step[0]+"|acme/site@0123456789abcdef|patchbay/site|t0ken-of-the-forge|https://ci.example.com/api/ci/executions/"+e.ID+"|"+step[1])
	}
	if diff := cmp.Diff(want, reported()); diff != "" {
		t.Error(diff)
	}
}

// Who cannot be reported to is not, and nobody is bothered with it.
func TestReportsNothing(t *testing.T) {
	t.Parallel()
	b, reported := withForge(t, nil)
	named := []core.NotificationTarget{{Type: "forge", Config: map[string]string{"github_status": "false"}}}
	for name, test := range map[string]struct {
		e    *core.Execution
		many int
		says string
	}{
		"the connector cannot": {b.delivered("mute", nil), 0, ""},
		"it is gone":           {b.delivered("gone", nil), 0, ""},
		"no token":             {b.delivered("forge", nil), 3, "there is no secret FORGE_TOKEN"},
		"the file says no":     {b.delivered("forge", &core.Notifications{OnFinish: named}), 1, "wants no status"},
	} {
		b.fail(test.e)
		for _, n := range b.settled(test.e, test.many) {
			if n.State != core.NotificationSkipped || !strings.Contains(n.LastError, test.says) && !strings.Contains(n.LastError, "overtaken") {
				t.Errorf("%s: %+v", name, n)
			}
		}
		if list, _ := b.service.Notifications(t.Context(), test.e.ID); len(list) != test.many {
			t.Errorf("%s: %d notifications", name, len(list))
		}
	}
	if got := reported(); len(got[0]) != 0 {
		t.Error(got)
	}
}

// A file that names a forge is obeyed; what the forge or the connector does wrong is
// tried again where that can help.
func TestForgeTargets(t *testing.T) {
	t.Parallel()
	b, _ := withForge(t, nil)
	b.secret("FORGE_TOKEN", "t0ken-of-the-forge")
	for label, want := range map[string]core.Notification{
		"mine":    {State: core.NotificationSent, Attempts: 1},
		"refuses": {State: core.NotificationFailed, Attempts: 1, LastError: "forge: the token *** is no good"},
		"is down": {State: core.NotificationFailed, Attempts: notify.MaxAttempts, LastError: "forge: 502"},
	} {
		e := b.execution(onFailure("forge", map[string]string{"github_status": label}))
		b.fail(e)
		n := b.settled(e, 1)[0]
		got := core.Notification{State: n.State, Attempts: n.Attempts, LastError: n.LastError}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", label, diff)
		}
	}
	e := b.execution(onFailure("mute", nil))
	b.fail(e)
	if n := b.settled(e, 1)[0]; n.State != core.NotificationFailed || !strings.Contains(n.LastError, "cannot report") {
		t.Errorf("%+v", n)
	}
	e = b.execution(onFailure("gone", nil))
	b.fail(e)
	if n := b.settled(e, 1)[0]; n.State != core.NotificationFailed || !strings.Contains(n.LastError, "not installed") {
		t.Errorf("%+v", n)
	}
}

// The last word about a commit is how its run ended, also when the word before it was
// held up.
func TestLastWord(t *testing.T) {
	t.Parallel()
	b, reported := withForge(t, func(o *notify.Options) { o.SendTimeout, o.RetryDelay = 300*time.Millisecond, 50*time.Millisecond })
	b.secret("FORGE_TOKEN", "t0ken-of-the-forge")
	target := []core.NotificationTarget{{Type: "forge", Config: map[string]string{"github_status": "hangs while it runs"}}}
	e := b.execution(&core.Notifications{OnStart: target, OnFinish: target})
	b.move(e, core.StatusRunning, "")
	b.await(e, func([]*core.Notification) bool { return strings.HasPrefix(reported()[0], "running") })
	b.move(e, core.StatusSuccess, "")
	list := b.settled(e, 2)
	if list[0].State != core.NotificationSkipped || list[1].State != core.NotificationSent {
		t.Errorf("%+v, %+v", list[0], list[1])
	}
	if got := reported(); !strings.HasPrefix(got[len(got)-1], "success") {
		t.Error(got)
	}
}
