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
	// LogLevel is one of trace, debug, info, warn, error.
	LogLevel string `yaml:"log_level"`
	// AdminToken is accepted as the administrator's. It comes from the environment
	// only: neither a file nor an argv is a place for it.
	AdminToken string `yaml:"-"`
	TLS        TLS    `yaml:"tls"`
	// H2C lets a proxy that does TLS speak HTTP/2 without it to this server.
	H2C bool `yaml:"h2c"`
}

// Defaults of Server.
const (
	DefaultListen   = "127.0.0.1:8000"
	DefaultData     = ".patchbay"
	DefaultLogLevel = "info"
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
		MaxExecutions:  first(flags.MaxExecutions, fromFile.MaxExecutions),
		WorkspaceLimit: first(flags.WorkspaceLimit, fromFile.WorkspaceLimit, DefaultWorkspaceLimit),
		WorkspaceFiles: first(flags.WorkspaceFiles, fromFile.WorkspaceFiles, DefaultWorkspaceFiles),
		AdminToken:     environment.AdminToken,
		TLS:            flags.TLS.or(fromFile.TLS),
		H2C:            flags.H2C || fromFile.H2C,
	}
	return merged, merged.check()
}

func fromEnvironment(getenv func(string) string) (Server, error) {
	s := Server{Data: getenv("PATCHBAY_DATA"), PluginPath: getenv("PATCHBAY_PLUGIN_PATH"),
		LogLevel: getenv("PATCHBAY_LOG_LEVEL"), AdminToken: getenv("PATCHBAY_ADMIN_TOKEN")}
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
	if s.MaxExecutions < 0 {
		return fmt.Errorf("max_executions is %d; it must be positive", s.MaxExecutions)
	}
	if s.WorkspaceFiles < 0 {
		return fmt.Errorf("workspace_files is %d; it must be positive", s.WorkspaceFiles)
	}
	return s.TLS.check()
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
