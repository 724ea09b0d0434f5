package sdktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/patchbay-ci/patchbay/sdk"
)

// launchTimeout is how long a program may take until its handshake.
const launchTimeout = 10 * time.Second

// Program is a connector's binary, in any language, launched as the host does it.
// args are for programs that need some, such as an interpreter's script.
func Program(path string, args ...string) Killer {
	return &program{path: path, args: args, log: &tail{}}
}

type program struct {
	path    string
	args    []string
	log     *tail
	sockets string
	command *exec.Cmd
	plugin  *plugin.Client
	broken  error // it did not get to its handshake; it is not tried again
}

// inherited are the variables that a connector's process gets from the host.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_API_VERSION",
	"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
	"PATCHBAY_KUBERNETES_HOSTPATH_NODE", "PATCHBAY_KUBERNETES_HELPER_IMAGE", "PATCHBAY_KUBERNETES_CLONE_IMAGE",
	"PATCHBAY_KUBERNETES_COPY_LIMIT"}

// Launch implements Target.
func (p *program) Launch(context.Context) (*sdk.Client, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	if p.plugin == nil || p.plugin.Exited() {
		if err := p.start(); err != nil {
			return nil, err
		}
	}
	protocol, err := p.plugin.Client()
	if err != nil {
		p.stop() // after which all that it wrote has been read
		p.broken = fmt.Errorf("launch %s: %w%s", p.path, err, p.lastWords())
		return nil, p.broken
	}
	dispensed, err := protocol.Dispense(sdk.PluginName)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p.path, err)
	}
	client, ok := dispensed.(*sdk.Client)
	if !ok {
		return nil, fmt.Errorf("connect to %s: got a %T", p.path, dispensed)
	}
	return client, nil
}

func (p *program) start() error {
	p.stop()
	path, err := filepath.Abs(p.path)
	if err != nil {
		return err
	}
	if p.sockets, err = os.MkdirTemp("", "sdktest"); err != nil { // 0700: only this user gets in
		return err
	}
	p.command = exec.Command(path, p.args...)
	// go-plugin passes its setting on only to runners of its host's own making.
	p.command.Env = []string{plugin.EnvUnixSocketDir + "=" + p.sockets}
	for _, name := range inherited {
		if value, is := os.LookupEnv(name); is {
			p.command.Env = append(p.command.Env, name+"="+value)
		}
	}
	p.plugin = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: sdk.Handshake(), Plugins: sdk.Plugins(nil), Cmd: p.command, SkipHostEnv: true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, StartTimeout: launchTimeout,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.sockets},
		Logger:           hclog.NewNullLogger(), Stderr: p.log, SyncStdout: p.log, SyncStderr: p.log,
	})
	return nil
}

// Kill implements Killer.
func (p *program) Kill() error {
	if p.command == nil || p.command.Process == nil {
		return errors.New("the connector is not running")
	}
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	p.stop()
	return nil
}

// Close implements Target.
func (p *program) Close() error {
	p.stop()
	return nil
}

func (p *program) stop() {
	if p.plugin != nil {
		p.plugin.Kill()
		p.plugin = nil
	}
	if p.sockets != "" {
		os.RemoveAll(p.sockets)
		p.sockets = ""
	}
}

// Log implements Killer.
func (p *program) Log() []byte { return p.log.bytes() }

// ProgramName implements Killer.
func (p *program) ProgramName() string { return filepath.Base(p.path) }

func (p *program) lastWords() string {
	words := p.log.bytes()
	if len(words) == 0 {
		return ""
	}
	return "\nit wrote:\n" + string(words[max(0, len(words)-2000):])
}

// maxLog is how much of a program's log is kept.
const maxLog = 1 << 20

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > 2*maxLog {
		t.data = append([]byte(nil), t.data[len(t.data)-maxLog:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.data...)
}
