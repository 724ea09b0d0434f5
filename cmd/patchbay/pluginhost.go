package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
)

// pluginHost makes the host of every command that uses connectors. Close it.
func (a *app) pluginHost(log hclog.Logger) (*pluginhost.Host, error) {
	return a.serverPluginHost(log, a.getenv("PATCHBAY_PLUGIN_PATH"))
}

// localPluginHost is the host of `patchbay run`: connectors get the whole
// environment of the person who runs it, as any program started from a shell does,
// but for secrets: those are for the steps that name them.
func (a *app) localPluginHost(log hclog.Logger, secrets localSecrets) (*pluginhost.Host, error) {
	options, err := a.pluginHostOptions(log, a.getenv("PATCHBAY_PLUGIN_PATH"))
	if err != nil {
		return nil, err
	}
	options.EnvAllow = []string{"*"}
	options.Environ = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		_, secret := secrets[name]
		return secret
	})
	return pluginhost.New(options)
}

// serverPluginHost makes a host that looks into the given folders first.
func (a *app) serverPluginHost(log hclog.Logger, path string) (*pluginhost.Host, error) {
	options, err := a.pluginHostOptions(log, path)
	if err != nil {
		return nil, err
	}
	return pluginhost.New(options)
}

func (a *app) pluginHostOptions(log hclog.Logger, path string) (pluginhost.Options, error) {
	options := pluginhost.Options{Path: a.pluginPath(path), CacheDir: a.cacheDir(), Logger: log,
		EnvAllow: filepath.SplitList(a.getenv("PATCHBAY_PLUGIN_ENV"))}
	var err error
	if options.LockFile, err = a.lockFile(); err != nil {
		return options, err
	}
	if text := a.getenv("PATCHBAY_REQUIRE_PINNED"); text != "" {
		if options.RequirePinned, err = strconv.ParseBool(text); err != nil {
			return options, fmt.Errorf("PATCHBAY_REQUIRE_PINNED is %q; it takes true or false", text)
		}
	}
	return options, nil
}

// lockFile is the file that pins connectors: the one in $PATCHBAY_PLUGIN_LOCK, or
// plugins.lock in the current folder if it is there.
func (a *app) lockFile() (string, error) {
	if named := a.getenv("PATCHBAY_PLUGIN_LOCK"); named != "" {
		return filepath.Abs(named)
	}
	file, err := filepath.Abs(pluginhost.LockFileName)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return file, nil
}
