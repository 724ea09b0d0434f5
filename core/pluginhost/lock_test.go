package pluginhost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func TestPins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"pinned", "free"}, nil)
	lockFile := filepath.Join(t.TempDir(), pluginhost.LockFileName)
	entry, err := f.Connector(t.Context(), "pinned")
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("0", 64)
	write := func(sha string) {
		t.Helper()
		lock := pluginhost.NewLock([]*core.ConnectorInfo{{Name: "pinned", Version: "1.2.3", SHA256: sha}})
		if err := lock.Write(lockFile); err != nil {
			t.Fatal(err)
		}
	}
	write(wrong)
	f.options.LockFile = lockFile
	host := f.open(t)
	launched := len(f.launches(t))
	_, err = use(t.Context(), host, "pinned", "")
	if sdk.ClassOf(err) != sdk.ClassInternal || !strings.Contains(err.Error(), wrong) || !strings.Contains(err.Error(), entry.SHA256) {
		t.Errorf("Use: %v; want both hashes", err)
	}
	if refused, err := host.Connector(t.Context(), "pinned"); err != nil || refused.State != core.ConnectorBroken ||
		!strings.Contains(refused.Reason, wrong) || refused.SHA256 != entry.SHA256 {
		t.Errorf("catalog: %+v, %v", refused, err)
	}
	if n := len(f.launches(t)); n != launched {
		t.Errorf("it was launched %d times", n-launched)
	}
	if _, err := use(t.Context(), host, "free", ""); err != nil {
		t.Errorf("not pinned: %v", err)
	}
	write(entry.SHA256) // a running host takes it up
	if _, err := use(t.Context(), host, "pinned", ""); err != nil {
		t.Errorf("with the right pin: %v", err)
	}
	f.options.RequirePinned = true
	strict := f.open(t)
	if _, err := use(t.Context(), strict, "free", ""); err == nil || !strings.Contains(err.Error(), "only pinned") {
		t.Errorf("not pinned where it must be: %v", err)
	}
	if _, err := use(t.Context(), strict, "pinned", ""); err != nil {
		t.Errorf("pinned where it must be: %v", err)
	}
}

func TestLockFileMustBeUsable(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	for name, content := range map[string]string{
		"empty": ``, "unknown key": `{"version":1,"plugins":[]}`, "format": `{"version":2,"connectors":[]}`,
		"hash":  `{"version":1,"connectors":[{"name":"a","sha256":"abc"}]}`,
		"upper": `{"version":1,"connectors":[{"name":"a","sha256":"` + strings.ToUpper(sum) + `"}]}`,
		"name":  `{"version":1,"connectors":[{"name":"../a","sha256":"` + sum + `"}]}`,
		"twice": `{"version":1,"connectors":[{"name":"a","sha256":"` + sum + `"},{"name":"a","sha256":"` + sum + `"}]}`,
		"more":  `{"version":1,"connectors":[]}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), pluginhost.LockFileName)
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := pluginhost.New(pluginhost.Options{LockFile: file}); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := pluginhost.New(pluginhost.Options{LockFile: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("a missing file was accepted")
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(`{"version":1,"connectors":[{"name":"a","version":"1","sha256":"` + strings.Repeat("a", 64) + `"}]}`))
	f.Add([]byte(`{"version":1`))
	f.Fuzz(func(t *testing.T, content []byte) {
		lock, err := pluginhost.ParseLock(content)
		if err != nil {
			return
		}
		for _, pin := range lock.Connectors {
			if !pluginhost.ValidName(pin.Name) || len(pin.SHA256) != 64 {
				t.Errorf("accepted %+v", pin)
			}
		}
	})
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	environ := []string{"PATH=/bin", "HOME=/h", "LC_ALL=C", "XDG_RUNTIME_DIR=/r", "HTTP_PROXY=p", "no_proxy=n", "DOCKER_HOST=d", "PATCHBAY_DOCKER_VOLUMES=/v", "PATCHBAY_DOCKER_TOKEN=s8",
		"PATCHBAY_ADMIN_TOKEN=s1", "PATCHBAY_TOKEN=s2", "PATCHBAY_KEYSET_KEY=s7", "GITHUB_TOKEN=s3", "AWS_SECRET_ACCESS_KEY=s4", "XDG_ACTIVATION_TOKEN=s5",
		"ACME_URL=u", "ACME_TOKEN=s6", "MINE_TOKEN=allowed", "PATCHBAY_LOG_LEVEL=trace", "malformed", "=empty"}
	got := pluginhost.ConnectorEnvironment(environ, []string{"ACME_*", "MINE_TOKEN", "PATCHBAY_*", "PATCHBAY_TOKEN", "PATCHBAY_KEYSET_KEY"}, hclog.Warn)
	want := []string{"PATCHBAY_LOG_LEVEL=warn", "PATH=/bin", "HOME=/h", "LC_ALL=C", "XDG_RUNTIME_DIR=/r", "HTTP_PROXY=p", "no_proxy=n",
		"DOCKER_HOST=d", "PATCHBAY_DOCKER_VOLUMES=/v", "ACME_URL=u", "MINE_TOKEN=allowed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestConnectorsSeeTheChosenEnvironmentOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "", []string{"good"}, func(o *pluginhost.Options) {
		o.Environ = append(o.Environ, "PATCHBAY_ADMIN_TOKEN=secret", "SOME_VARIABLE=unasked", "TZ=UTC")
	})
	text, err := use(t.Context(), f.Host, "good", "environ")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "TZ=UTC") || strings.Contains(text, "secret") || strings.Contains(text, "SOME_VARIABLE") {
		t.Errorf("the connector sees\n%s", text)
	}
}

func TestRunDirMustBePrivate(t *testing.T) {
	t.Parallel()
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{"open to others": open, "too long": filepath.Join(t.TempDir(), strings.Repeat("x", 100))} {
		f := newFixture(t, "", []string{"good"}, func(o *pluginhost.Options) { o.RunDir = folder })
		if _, err := use(t.Context(), f.Host, "good", ""); err == nil || !strings.Contains(err.Error(), "folder for sockets") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
