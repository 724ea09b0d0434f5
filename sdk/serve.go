package sdk

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// LogLevelEnv is the environment variable by which the host sets a connector's
// log level.
const LogLevelEnv = "PATCHBAY_LOG_LEVEL"

// Logger writes to the host's log. Keep step output out of it: that belongs in
// Session.Stdout and Session.Stderr.
func Logger(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name: name, Level: hclog.LevelFromString(os.Getenv(LogLevelEnv)),
		// Not os.Stderr: go-plugin replaces that by a stream which the host does not
		// take for a log.
		Output: hclog.DefaultOutput, JSONFormat: true,
	})
}

// Serve is a connector's whole main. It returns when the host is done with the
// process. Run by hand, it explains what the program is and exits with 2.
func Serve(connector Connector) {
	cookie := Handshake()
	if os.Getenv(cookie.MagicCookieKey) != cookie.MagicCookieValue {
		info := describe(connector)
		fmt.Fprintf(os.Stderr, "%s %s is a Patchbay connector: put it in the plugin path and Patchbay will launch it.\n"+
			"To see what it does: patchbay plugin describe %s\nTo check it: patchbay plugin test %s\n",
			info.Name, info.Version, info.Name, os.Args[0])
		os.Exit(2)
	}
	server := newServer(connector)
	stopWhenHostDies(server)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: cookie,
		Plugins:         plugin.PluginSet{PluginName: &servingPlugin{server: server}},
		Logger:          Logger(nameOf(connector)),
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, serverOptions()...)...)
		},
	})
	server.drain(DisconnectGrace + time.Second)
}

// nameOf is the connector's name, without making the schemas of typed actions.
func nameOf(connector Connector) string {
	if named, ok := connector.(interface{ connectorName() string }); ok {
		return named.connectorName()
	}
	return connector.Info().Name
}

// serverOptions trade a little memory for throughput of step output.
func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.WriteBufferSize(64 << 10), grpc.ReadBufferSize(64 << 10),
		grpc.InitialWindowSize(1 << 20), grpc.InitialConnWindowSize(4 << 20),
		grpc.MaxRecvMsgSize(maxWebhookMessage),
	}
}

// servingPlugin registers a server that Serve keeps hold of.
type servingPlugin struct {
	grpcPlugin
	server *server
}

func (p *servingPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	p.server.register(s)
	go p.server.prepare()
	return nil
}

// stopWhenHostDies ends the process on SIGTERM, which the host arranges for the
// moment of its own death, however sudden. Steps are let go of, or cancelled where
// the host asked for that.
func stopWhenHostDies(s *server) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		s.disconnect()
		s.drain(DisconnectGrace + time.Second)
		os.Exit(0)
	}()
}
