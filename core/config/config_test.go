package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func TestLayers(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	file := filepath.Join(data, FileName)
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1\nlog_level: debug\nmax_executions: 3\nworkspace_limit: 500MiB\nwebhook_retention: 48h\nwebhook_deliveries: 7\nwebhook_bytes: 1MiB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"PATCHBAY_DATA": data, "PORT": "2", "PATCHBAY_ADMIN_TOKEN": "secret"}
	got, err := Load(Server{}, "", func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	want := Server{Listen: "127.0.0.1:2", Data: data, LogLevel: "debug", LogFormat: DefaultLogFormat, MaxExecutions: 3, AdminToken: "secret",
		WorkspaceLimit: 500 << 20, WorkspaceFiles: DefaultWorkspaceFiles, Access: mergeAccess(),
		WebhookAge: core.Duration(48 * time.Hour), WebhookCount: 7, WebhookBytes: 1 << 20}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment over file (-want +got):\n%s", diff)
	}
	got, err = Load(Server{Listen: "127.0.0.1:3", MaxExecutions: 9}, "", func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	want.Listen, want.MaxExecutions = "127.0.0.1:3", 9
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags over environment (-want +got):\n%s", diff)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("lisen: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	size := filepath.Join(t.TempDir(), "size.yaml")
	if err := os.WriteFile(size, []byte("workspace_limit: 10 parsec\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	collector := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(collector, []byte("otlp_endpoint: 127.0.0.1:4318\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags       Server
		file        string
		environment map[string]string
		want        string
	}{
		"no such file":   {file: "/nonexistent/config.yaml", want: "no such file"},
		"unknown key":    {file: broken, want: "lisen"},
		"no size":        {file: size, want: "10GiB"},
		"no files":       {flags: Server{WorkspaceFiles: -1}, want: "positive"},
		"odd address":    {flags: Server{Listen: "8000"}, want: "127.0.0.1:8000"},
		"negative limit": {flags: Server{MaxExecutions: -1}, want: "positive"},
		"odd level":      {flags: Server{LogLevel: "loud"}, want: "debug"},
		"odd format":     {environment: map[string]string{"PATCHBAY_LOG_FORMAT": "xml"}, want: "json"},
		"odd metrics":    {flags: Server{MetricsListen: "9464"}, want: "127.0.0.1:9464"},
		"open profiles":  {flags: Server{DebugListen: "0.0.0.0:6060"}, want: "loopback"},
		"named profiles": {flags: Server{DebugListen: "localhost:6060"}, want: "loopback"},
		"odd collector":  {file: collector, want: "otlp_endpoint"},
		"mongodb":        {environment: map[string]string{"MONGODB_URI": "mongodb://x"}, want: "MONGODB_URI"},
		"redis":          {environment: map[string]string{"REDIS_URL": "redis://x"}, want: "REDIS_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(test.flags, test.file, func(name string) string { return test.environment[name] })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
