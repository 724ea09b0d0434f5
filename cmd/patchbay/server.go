package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/patchbay-ci/patchbay/core/api"
	"github.com/patchbay-ci/patchbay/core/auth"
	"github.com/patchbay-ci/patchbay/core/config"
)

// shutdownLimit is how long a server may take to end cleanly.
const shutdownLimit = 30 * time.Second

func (a *app) newServerCommand() *cobra.Command {
	var flags config.Server
	var file string
	command := &cobra.Command{
		Use:   "server",
		Short: "Serve the API and run what is triggered",
		Long: "Serve the API and run what is triggered.\n\n" +
			"Ctrl-C cancels what is running and leaves nothing behind. SIGTERM lets the steps go on:\n" +
			"the next start joins them, as it does after a crash.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := config.Load(flags, file, a.getenv)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if _, err := newAccess(settings.Access); err != nil {
				return &exitError{exitUsage, err}
			}
			if err := a.serve(command.Context(), settings); err != nil {
				return &exitError{exitFailed, err}
			}
			return nil
		},
	}
	f := command.Flags()
	f.StringVar(&flags.Listen, "listen", "", "address (default "+config.DefaultListen+", or 127.0.0.1:$PORT)")
	f.StringVar(&flags.Data, "data", "", "data folder (default $PATCHBAY_DATA, or "+config.DefaultData+")")
	f.StringVar(&flags.PluginPath, "plugin-path", "", "folders with connectors (default $PATCHBAY_PLUGIN_PATH, or beside the binary)")
	f.IntVar(&flags.MaxExecutions, "max-executions", 0, "how many executions run at once")
	f.StringVar(&flags.LogLevel, "log-level", "", "trace, debug, info, warn or error (default "+config.DefaultLogLevel+")")
	f.StringVar(&flags.LogFormat, "log-format", "", "text or json (default "+config.DefaultLogFormat+")")
	f.StringVar(&flags.MetricsListen, "metrics-listen", "", "address for /metrics without a token (default none)")
	f.StringVar(&flags.DebugListen, "debug-listen", "", "loopback address for Go profiles (default none)")
	for _, s := range flags.Access.Settings() {
		help := s.Help
		if s.Default != "" {
			help += " (default " + s.Default + ")"
		}
		f.StringVar((*string)(s.Value), s.Flag, "", help)
	}
	f.StringVar(&file, "config", "", "config file (default "+config.FileName+" in the data folder, if there)")
	return command
}

// serve runs a server until a signal ends it.
func (a *app) serve(ctx context.Context, settings config.Server) error {
	log := a.serverLogger(settings)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	listener, err := net.Listen("tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; is another server running? --listen takes another address", settings.Listen, err)
	}
	gate := api.NewGate()
	server := api.NewServer(settings.Listen, gate)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	node, err := a.openNode(ctx, settings, log)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	defer node.close()
	if err := node.start(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	handler, err := node.handler(log)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	stopAside, err := node.watch.listenAside(settings, gate, log)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	defer stopAside()
	node.watch.health.SetPhase("")
	gate.Open(handler)
	if err := a.greet(ctx, listener.Addr(), node.auth, settings); err != nil {
		return err
	}
	select {
	case err := <-served:
		return fmt.Errorf("the server ended: %w", err)
	case s := <-signals:
		go a.leaveAtOnce(signals)
		return a.shutDown(server, node, s, log)
	}
}

// greet says where the server is and, at its first start, the token.
func (a *app) greet(ctx context.Context, address net.Addr, tokens *auth.Service, settings config.Server) error {
	secret, created, err := tokens.FirstToken(ctx)
	if err != nil {
		return fmt.Errorf("make the administrator's token: %w", err)
	}
	fmt.Fprintf(a.stdout, "Patchbay %s serves on http://%s\n", version, address)
	switch {
	case settings.AdminToken != "":
		fmt.Fprintln(a.stdout, "Administrator: the token in PATCHBAY_ADMIN_TOKEN")
	case created:
		fmt.Fprintf(a.stdout, "Administrator token (shown only now): %s\n", secret)
		fmt.Fprintf(a.stdout, "\n  export PATCHBAY_URL=http://%s PATCHBAY_TOKEN=%s\n\n", address, secret)
	default:
		fmt.Fprintln(a.stdout, "Administrator: the token that was shown at the first start (PATCHBAY_ADMIN_TOKEN sets another)")
	}
	return nil
}

// shutDown ends requests, then runs, then connectors.
func (a *app) shutDown(server *http.Server, n *node, s os.Signal, log hclog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	n.watch.health.SetPhase("stopping")
	interrupted := s == os.Interrupt
	if interrupted {
		fmt.Fprintln(a.stderr, "patchbay: stopping; running executions are cancelled (once more to leave at once)")
	} else {
		fmt.Fprintln(a.stderr, "patchbay: stopping; running steps go on and are joined at the next start")
	}
	err := n.engine.Shutdown(ctx, interrupted)
	// Followers of logs never end by themselves: they get a moment, then their
	// connections are closed. They resume with their cursor.
	drain, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if server.Shutdown(drain) != nil {
		err = errors.Join(err, server.Close())
	}
	log.Info("stopped", "signal", s.String())
	return err
}

// leaveAtOnce ends the process at the next signal.
func (a *app) leaveAtOnce(signals <-chan os.Signal) {
	<-signals
	fmt.Fprintln(a.stderr, "patchbay: leaving at once")
	os.Exit(exitFailed)
}

// dataFolders are the parts of the data folder.
type dataFolders struct{ database, logs, runs, blobs, cache string }

func makeDataFolders(data string) (dataFolders, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return dataFolders{}, fmt.Errorf("data folder: %w", err)
	}
	return dataFoldersOf(data)
}

func dataFoldersOf(data string) (dataFolders, error) {
	absolute, err := filepath.Abs(data)
	if err != nil {
		return dataFolders{}, fmt.Errorf("data folder: %w", err)
	}
	return dataFolders{database: filepath.Join(absolute, "patchbay.db"), logs: filepath.Join(absolute, "logs"),
		runs: filepath.Join(absolute, "runs"), blobs: filepath.Join(absolute, "blobs"), cache: filepath.Join(absolute, "cache")}, nil
}
