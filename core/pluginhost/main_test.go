package pluginhost_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

// The test binary is the connector, too: launched under a connector's name it
// behaves as the variable modeVariable says. journalVariable names a file to which
// it adds a line at each launch.
const (
	modeVariable    = "HOSTTEST_MODE"
	journalVariable = "HOSTTEST_JOURNAL"
	hostVariable    = "HOSTTEST_HOST" // the plugin path of a child host
)

func TestMain(m *testing.M) {
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), pluginhost.Prefix); ok {
		connectorMain(name)
		return
	}
	if folder := os.Getenv(hostVariable); folder != "" {
		childHost(folder)
		return
	}
	os.Exit(m.Run())
}

func connectorMain(name string) {
	if journal := os.Getenv(journalVariable); journal != "" {
		file, err := os.OpenFile(journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(file, name)
		file.Close()
	}
	switch mode := os.Getenv(modeVariable); mode {
	case "hang":
		fmt.Fprintln(os.Stderr, "thinking about it")
		select {}
	case "die":
		fmt.Fprintln(os.Stderr, "cannot find libfoo.so")
		os.Exit(3)
	case "chatty":
		fmt.Println("hello, I am no connector")
	case "version":
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: 9,
			MagicCookieKey: sdk.Handshake().MagicCookieKey, MagicCookieValue: sdk.Handshake().MagicCookieValue},
			Plugins: sdk.Plugins(&connector{name: name}), GRPCServer: plugin.DefaultGRPCServer, Logger: hclog.NewNullLogger()})
	case "tcp":
		fmt.Println("1|1|tcp|127.0.0.1:1|grpc|")
		select {}
	case "wedged": // shakes hands and never answers
		path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "socket")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			panic(err)
		}
		fmt.Printf("1|1|unix|%s|grpc|\n", path)
		select {}
	case "deaf": // does not end when it is asked to
		signal.Ignore(syscall.SIGTERM)
		go sdk.Serve(&connector{name: name})
		select {}
	case "killed": // at its first three launches
		if content, err := os.ReadFile(os.Getenv(journalVariable)); err != nil || strings.Count(string(content), "\n") <= 3 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		sdk.Serve(&connector{name: name})
	case "misnamed":
		sdk.Serve(&connector{name: "other"})
	default:
		sdk.Serve(&connector{name: name, mode: mode})
	}
}

// childHost is a host in a process of its own, to be killed by a test.
func childHost(folder string) {
	host, err := pluginhost.New(pluginhost.Options{Path: []string{folder}})
	if err != nil {
		panic(err)
	}
	err = host.Use(context.Background(), "good", func(*sdk.Client, sdk.Info) error {
		pid, _ := host.PID("good")
		fmt.Println(pid)
		select {}
	})
	panic(err)
}

// connector answers as the tests of the host need it.
type connector struct{ name, mode string }

func (c *connector) Info() sdk.Info {
	if c.mode == "silent" {
		select {}
	}
	return sdk.Info{Name: c.name, Version: "1.2.3", Summary: "for tests",
		Actions: []sdk.ActionInfo{{Name: "act", Help: "does it", ConfigSchema: []byte(`{"type":"object"}`),
			Outputs: []sdk.OutputInfo{{Name: "out", Help: "a value"}}}},
		Secrets: []sdk.SecretInfo{{Name: "KEY", Help: "a key", Required: true}}}
}

// RunStep writes what its action asks for.
func (c *connector) RunStep(ctx context.Context, r sdk.RunRequest, s *sdk.Session) (sdk.Result, error) {
	switch r.Step.Action {
	case "environ":
		fmt.Fprint(s.Stdout(), strings.Join(os.Environ(), "\n"))
	case "pid":
		fmt.Fprint(s.Stdout(), os.Getpid())
	case "exit":
		fmt.Fprintln(os.Stderr, "about to die")
		os.Exit(7)
	case "kill": // as somebody else would
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "wait":
		if err := s.Progress("waiting", -1); err != nil {
			return sdk.Result{}, err
		}
		<-ctx.Done()
		return sdk.Result{}, ctx.Err()
	default:
		for i := range 100 {
			fmt.Fprintf(s.Stdout(), "%s line %d\n", r.Step.AttemptID, i)
		}
	}
	return sdk.Succeeded(), nil
}

func (c *connector) DestroyStep(context.Context, sdk.DestroyRequest) error { return nil }

// fixture is a host with a plugin path of its own.
type fixture struct {
	*pluginhost.Host
	options pluginhost.Options
	journal string
}

// newFixture makes a host whose connectors are in mode and go by names. change may
// adjust the options.
func newFixture(t *testing.T, mode string, names []string, change func(*pluginhost.Options)) *fixture {
	t.Helper()
	f := &fixture{journal: filepath.Join(t.TempDir(), "journal")}
	f.options = pluginhost.Options{
		Path: []string{t.TempDir()}, CacheDir: t.TempDir(), StartTimeout: time.Minute,
		// The race detector would wait for a second at the end of each process.
		Environ:  append(os.Environ(), modeVariable+"="+mode, journalVariable+"="+f.journal, "GORACE=atexit_sleep_ms=0"),
		EnvAllow: []string{"HOSTTEST_*", "GORACE"},
		Logger:   hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: t.Output()}),
	}
	for _, name := range names {
		install(t, f.options.Path[0], name)
	}
	if change != nil {
		change(&f.options)
	}
	f.Host = f.open(t)
	return f
}

// open makes one more host with the same options, closed at the test's end.
func (f *fixture) open(t *testing.T) *pluginhost.Host {
	t.Helper()
	host, err := pluginhost.New(f.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host
}

// launches lists what was launched so far.
func (f *fixture) launches(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(f.journal)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Fields(string(content))
}

// install puts the test binary into a plugin path. It is a link: cheap, and with
// the same identity for all.
func install(t *testing.T, folder, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, pluginhost.Prefix+name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// output collects what a step writes, and signals its first progress.
type output struct {
	text    strings.Builder
	waiting chan struct{}
}

func (o *output) Output(chunk sdk.OutputChunk) error { o.text.Write(chunk.Data); return nil }
func (o *output) State([]byte) error                 { return nil }
func (o *output) SetOutput(string, string) error     { return nil }
func (o *output) Progress(string, int) error {
	if o.waiting != nil {
		close(o.waiting)
	}
	return nil
}

// runStep runs one step and returns its output.
func runStep(ctx context.Context, client *sdk.Client, attempt, action string, o *output) (string, error) {
	running, err := client.RunStep(ctx, sdk.RunRequest{Step: sdk.Step{AttemptID: attempt, Action: action, Config: []byte(`{}`)}})
	if err != nil {
		return "", err
	}
	_, err = running.Wait(o)
	return o.text.String(), err
}

// use runs one step through the host.
func use(ctx context.Context, host *pluginhost.Host, name, action string) (string, error) {
	var text string
	err := host.Use(ctx, name, func(client *sdk.Client, _ sdk.Info) (err error) {
		text, err = runStep(ctx, client, "attempt", action, &output{})
		return err
	})
	return text, err
}
