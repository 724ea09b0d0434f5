package pluginhost

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	pluginrunner "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/patchbay-ci/patchbay/sdk"
)

// process is a connector that is up.
type process struct {
	name   string
	file   *binary
	sha    string
	info   sdk.Info
	client *sdk.Client
	plugin *plugin.Client
	runner *runner

	endOnce sync.Once

	// Guarded by Host.mu.
	users    int
	used     bool
	idle     *time.Timer
	retired  bool // takes no new users
	stopping bool
	crash    *crash // nil until it was counted
}

// processOptions are what a launch needs of the host.
type processOptions struct {
	socketFolder string
	environment  []string
	log          hclog.Logger
	timeout      time.Duration
	// meanwhile is done while the process starts: what need not be done before.
	meanwhile func()
}

// startProcess launches a connector and connects to it. When ctx ends or the time
// is up, nothing is left of it.
func startProcess(ctx context.Context, name string, file *binary, o processOptions) (*process, error) {
	cmd := exec.Command(file.path)
	cmd.Env = o.environment[:len(o.environment):len(o.environment)]
	last := &tail{}
	r := newRunner(cmd, name, last)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		Plugins:          sdk.Plugins(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, prepared *exec.Cmd, socketFolder string) (pluginrunner.Runner, error) {
			cmd.Env = append(cmd.Env, prepared.Env...)
			r.folder = socketFolder
			return r, nil
		},
		SkipHostEnv:      true,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: o.socketFolder},
		StartTimeout:     o.timeout,
		Stderr:           last,
		SyncStdout:       strayOutput(last, o.log.Named(name)),
		SyncStderr:       strayOutput(last, o.log.Named(name)),
		Logger:           &quietLogger{o.log},
		GRPCDialOptions:  dialOptions(),
	})
	p := &process{name: name, file: file, plugin: client, runner: r}
	connected := make(chan error, 1)
	go func() { connected <- p.connect() }()
	o.meanwhile()
	timer := time.NewTimer(o.timeout)
	defer timer.Stop()
	var err error
	select {
	case err = <-connected:
	case <-timer.C:
		r.kill()
		<-connected
		err = &hungError{o.timeout}
	case <-ctx.Done():
		r.kill()
		<-connected
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, p.abandon(func() error { return explain(err, r) })
	}
	return p, nil
}

// abandon ends a process that could not be brought up, and returns why, which is
// asked for when it has ended: a *killedError when others have killed it.
func (p *process) abandon(why func() error) error {
	p.runner.awaitEnd(endingWait)
	p.stop(0)
	if p.runner.killedByOthers() {
		return &killedError{why()}
	}
	return why()
}

// killedError is the reason of a launch that somebody killed.
type killedError struct{ error }

func (k *killedError) Unwrap() error { return k.error }

// connect starts the process, shakes hands and dispenses the client.
func (p *process) connect() error {
	protocol, err := p.plugin.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(sdk.PluginName)
	if err != nil {
		return err
	}
	client, ok := raw.(*sdk.Client)
	if !ok {
		return fmt.Errorf("go-plugin dispensed a %T", raw)
	}
	p.client = client
	return nil
}

// dialOptions favour the throughput of step output. The connection must not be
// given up for being idle: the process is what is.
func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithIdleTimeout(0),
		grpc.WithReadBufferSize(64 << 10), grpc.WithWriteBufferSize(64 << 10),
		grpc.WithInitialWindowSize(1 << 20), grpc.WithInitialConnWindowSize(4 << 20),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	}
}

// maxMessage bounds what one message of a connector may take of the host's memory.
const maxMessage = 16 << 20

// stop ends the process gracefully, by force when grace has passed, and returns
// when it is gone and its connection closed. Further calls wait for the first.
func (p *process) stop(grace time.Duration) {
	p.endOnce.Do(func() {
		if grace <= 0 {
			p.runner.kill()
		} else {
			p.runner.patient.Store(true)
			p.runner.terminate()
			timer := time.AfterFunc(grace, p.runner.kill)
			defer timer.Stop()
		}
		p.plugin.Kill()
	})
}

// strayOutput takes what a connector prints while it serves; go-plugin carries it
// here. It does not belong to any step.
func strayOutput(last *tail, log hclog.Logger) io.Writer {
	return io.MultiWriter(last, log.StandardWriter(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}))
}

// quietLogger keeps go-plugin's own words, which repeat what the host says, to the
// trace level. The loggers that it makes for connectors are not affected.
type quietLogger struct{ hclog.Logger }

func (q *quietLogger) Error(message string, args ...any) { q.Trace(message, args...) }
func (q *quietLogger) Warn(message string, args ...any)  { q.Trace(message, args...) }
func (q *quietLogger) Info(message string, args ...any)  { q.Trace(message, args...) }
func (q *quietLogger) Debug(message string, args ...any) { q.Trace(message, args...) }

// Named implements hclog.Logger.
func (q *quietLogger) Named(name string) hclog.Logger {
	if name == "stdio" {
		return q
	}
	return q.Logger.Named(name)
}
