// Package config gathers a server's settings: flags win over the environment, the
// environment over the config file, and that over the defaults.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/patchbay-ci/patchbay/core"
)

// Server is what `patchbay server` can be told.
type Server struct {
	// Listen is a TCP address. Loopback unless told otherwise.
	Listen string `yaml:"listen"`
	// Data is the folder of everything the server keeps.
	Data string `yaml:"data"`
	// PluginPath is a list of folders as in PATH; empty means the built-in places.
	PluginPath string `yaml:"plugin_path"`
	// MaxExecutions is how many executions run at once; 0 means the engine's default.
	MaxExecutions int `yaml:"max_executions"`
	// WorkspaceLimit is what the workspace of one run may take of the disk, and
	// WorkspaceFiles how many files, folders and links it may have.
	WorkspaceLimit core.Size `yaml:"workspace_limit"`
	WorkspaceFiles int64     `yaml:"workspace_files"`
	// WebhookAge is how long deliveries of webhooks are kept, WebhookCount how many of
	// them and WebhookBytes how much of their bodies; 0 is the default of core/webhook.
	WebhookAge   core.Duration `yaml:"webhook_retention"`
	WebhookCount int           `yaml:"webhook_deliveries"`
	WebhookBytes core.Size     `yaml:"webhook_bytes"`
	// LogLevel is one of trace, debug, info, warn, error.
	LogLevel string `yaml:"log_level"`
	// LogFormat is text or json. QuietAccessLog writes the line of each request at the
	// level debug instead of info.
	LogFormat      string `yaml:"log_format"`
	QuietAccessLog bool   `yaml:"quiet_access_log"`
	// MetricsListen is a TCP address for /metrics and the probes alone, where no token
	// is needed. Empty opens none: then /metrics of the API, with a token, is all.
	MetricsListen string `yaml:"metrics_listen"`
	// DebugListen is a TCP address, on loopback, for Go's profiles (/debug/pprof).
	// Empty opens none.
	DebugListen string `yaml:"debug_listen"`
	// OTLPEndpoint is the base URL of an OpenTelemetry collector that traces are sent
	// to: http://127.0.0.1:4318. The standard variables win over it. Empty, and none of
	// them set, sends nothing.
	OTLPEndpoint string `yaml:"otlp_endpoint"`
	// AdminToken is accepted as the administrator's. It comes from the environment
	// only: neither a file nor an argv is a place for it.
	AdminToken Secret `yaml:"-"`
	// Access is who may come in, from where, and how often.
	Access Access `yaml:",inline"`
	TLS    TLS    `yaml:"tls"`
	// H2C lets a proxy that does TLS speak HTTP/2 without it to this server.
	H2C bool `yaml:"h2c"`
	// NotifyNetworks are the networks, with commas between them, that notifications may
	// be sent to besides the public Internet: "10.0.0.0/8, 127.0.0.1".
	NotifyNetworks string `yaml:"notify_networks"`
	// SlackURL is the base of Slack's Web API where that is another one.
	SlackURL string `yaml:"slack_url"`
	// Deploy is where services run.
	Deploy Deploy `yaml:",inline"`
	// SMTP takes the e-mail of notifications.
	SMTP SMTP `yaml:"smtp"`
}

// Defaults of Server.
const (
	DefaultListen   = "127.0.0.1:8000"
	DefaultData     = ".patchbay"
	DefaultLogLevel = "info"
	// DefaultLogFormat is for people.
	DefaultLogFormat = "text"
	// Both keep one run from filling the disk for all.
	DefaultWorkspaceLimit = core.Size(20 << 30)
	DefaultWorkspaceFiles = 2_000_000
	// FileName is looked for in the data folder when no file is named.
	FileName = "config.yaml"
)

// Load applies the layers. flags holds what was given on the command line; file is
// the config file's name, or empty for the one in the data folder, which may be
// missing.
func Load(flags Server, file string, getenv func(string) string) (Server, error) {
	environment, err := fromEnvironment(getenv)
	if err != nil {
		return Server{}, err
	}
	data := first(flags.Data, environment.Data, DefaultData)
	fromFile, err := read(file, data)
	if err != nil {
		return Server{}, err
	}
	merged := Server{
		Listen:         first(flags.Listen, environment.Listen, fromFile.Listen, DefaultListen),
		Data:           first(flags.Data, environment.Data, fromFile.Data, DefaultData),
		PluginPath:     first(flags.PluginPath, environment.PluginPath, fromFile.PluginPath),
		LogLevel:       first(flags.LogLevel, environment.LogLevel, fromFile.LogLevel, DefaultLogLevel),
		LogFormat:      first(flags.LogFormat, environment.LogFormat, fromFile.LogFormat, DefaultLogFormat),
		QuietAccessLog: flags.QuietAccessLog || fromFile.QuietAccessLog,
		MetricsListen:  first(flags.MetricsListen, environment.MetricsListen, fromFile.MetricsListen),
		DebugListen:    first(flags.DebugListen, fromFile.DebugListen),
		OTLPEndpoint:   fromFile.OTLPEndpoint,
		MaxExecutions:  first(flags.MaxExecutions, fromFile.MaxExecutions),
		WorkspaceLimit: first(flags.WorkspaceLimit, fromFile.WorkspaceLimit, DefaultWorkspaceLimit),
		WorkspaceFiles: first(flags.WorkspaceFiles, fromFile.WorkspaceFiles, DefaultWorkspaceFiles),
		WebhookAge:     fromFile.WebhookAge,
		WebhookCount:   fromFile.WebhookCount,
		WebhookBytes:   fromFile.WebhookBytes,
		AdminToken:     environment.AdminToken,
		Access:         mergeAccess(flags.Access, environment.Access, fromFile.Access),
		TLS:            flags.TLS.or(fromFile.TLS),
		H2C:            flags.H2C || fromFile.H2C,
		NotifyNetworks: first(environment.NotifyNetworks, fromFile.NotifyNetworks),
		SlackURL:       fromFile.SlackURL,
		SMTP:           fromFile.SMTP.overriddenBy(environment.SMTP),
	}
	return merged, merged.check()
}

func fromEnvironment(getenv func(string) string) (Server, error) {
	s := Server{Data: getenv("PATCHBAY_DATA"), PluginPath: getenv("PATCHBAY_PLUGIN_PATH"),
		LogLevel: getenv("PATCHBAY_LOG_LEVEL"), LogFormat: getenv("PATCHBAY_LOG_FORMAT"), MetricsListen: getenv("PATCHBAY_METRICS_LISTEN"),
		AdminToken: Secret(getenv("PATCHBAY_ADMIN_TOKEN")), NotifyNetworks: getenv("PATCHBAY_NOTIFY_NETWORKS"),
		SMTP: SMTP{Host: getenv("PATCHBAY_SMTP_HOST"), Username: getenv("PATCHBAY_SMTP_USERNAME"), Password: getenv("PATCHBAY_SMTP_PASSWORD"),
			From: getenv("PATCHBAY_SMTP_FROM")}}
	s.Access.fromEnvironment(getenv)
	if port := getenv("PORT"); port != "" {
		s.Listen = net.JoinHostPort("127.0.0.1", port)
	}
	for _, name := range []string{"MONGODB_URI", "REDIS_URL"} {
		if getenv(name) != "" {
			return s, fmt.Errorf("%s is set, but this version keeps everything in its data folder: unset it to go on", name)
		}
	}
	return s, nil
}

// read reads the config file. Only a file that was named must be there.
func read(file, data string) (Server, error) {
	name := file
	if name == "" {
		name = filepath.Join(data, FileName)
	}
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		return Server{}, nil
	}
	if err != nil {
		return Server{}, fmt.Errorf("config file: %w", err)
	}
	var s Server
	if err := yaml.UnmarshalWithOptions(content, &s, yaml.Strict()); err != nil {
		return Server{}, fmt.Errorf("config file %s: %w", name, err)
	}
	return s, nil
}

func (s Server) check() error {
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		return fmt.Errorf("listen address %q: %w; write it as 127.0.0.1:8000", s.Listen, err)
	}
	if err := s.checkObservation(); err != nil {
		return err
	}
	if s.MaxExecutions < 0 {
		return fmt.Errorf("max_executions is %d; it must be positive", s.MaxExecutions)
	}
	if s.WorkspaceFiles < 0 {
		return fmt.Errorf("workspace_files is %d; it must be positive", s.WorkspaceFiles)
	}
	if s.WebhookAge < 0 || s.WebhookCount < 0 {
		return errors.New("webhook_retention and webhook_deliveries must be positive")
	}
	return errors.Join(s.TLS.check(), s.checkNotify())
}

func first[T comparable](values ...T) T {
	var zero T
	for _, value := range values {
		if value != zero {
			return value
		}
	}
	return zero
}
