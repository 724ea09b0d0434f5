package deploy

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/registry"

	"github.com/patchbay-ci/patchbay/sdk"
)

// loadChart finds the chart in the workspace, or fetches it into folder, and loads it.
func loadChart(config HelmConfig, step sdk.Step, folder string) (*chart.Chart, error) {
	path := ""
	var err error
	if config.remote() {
		path, err = fetchChart(config, step, folder)
	} else {
		path, err = findChart(config, step.Workspace.Path)
	}
	if err != nil {
		return nil, err
	}
	loaded, err := loader.Load(path)
	if err != nil {
		return nil, badChart("%s is not a chart: %v", config.Chart, err)
	}
	if kind := loaded.Metadata.Type; kind != "" && kind != "application" {
		return nil, badChart("%s is a %s chart, which cannot be installed", config.Chart, kind)
	}
	for _, needed := range loaded.Metadata.Dependencies {
		if !hasDependency(loaded, needed.Name) {
			return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/helm_chart",
				Message:    fmt.Sprintf("%s needs the chart %s, which is not in its folder charts", config.Chart, needed.Name),
				Suggestion: "have an earlier step run helm dependency build, or keep charts/ with the chart"}
		}
	}
	return loaded, nil
}

func hasDependency(c *chart.Chart, name string) bool {
	for _, have := range c.Dependencies() {
		if have.Name() == name {
			return true
		}
	}
	return false
}

// findChart returns the path of a chart that is in the workspace.
func findChart(config HelmConfig, workspace string) (string, error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", fmt.Errorf("open the workspace: %w", err)
	}
	defer root.Close()
	name := inside(workspace, config.Chart)
	if _, err := root.Stat(name); err != nil {
		return "", &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/helm_chart", Err: err,
			Message:    fmt.Sprintf("helm_chart: there is no %q in the workspace", config.Chart),
			Suggestion: "give a path relative to the workspace, oci://…, or add repository:"}
	}
	// Helm follows links, and would read the server's files by them.
	err = fs.WalkDir(root.FS(), filepath.ToSlash(name), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type()&fs.ModeSymlink != 0 {
			return badChart("%s is a symbolic link, which a chart may not have", path)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(workspace, name), nil
}

// fetchChart gets a chart from a registry or a repository. All that Helm keeps for
// itself goes into folder; the server's own Helm settings do not count.
func fetchChart(config HelmConfig, step sdk.Step, folder string) (string, error) {
	settings := cli.New()
	settings.RepositoryCache = filepath.Join(folder, "helm", "repository")
	settings.RepositoryConfig = filepath.Join(folder, "helm", "repositories.yaml")
	settings.ContentCache = filepath.Join(folder, "helm", "content")
	settings.RegistryConfig = filepath.Join(folder, "helm", "registry.json")
	user, password := step.Secrets[secretHelmUser], step.Secrets[secretHelmPassword]
	options := []registry.ClientOption{registry.ClientOptWriter(io.Discard), registry.ClientOptCredentialsFile(settings.RegistryConfig)}
	if user != "" || password != "" {
		options = append(options, registry.ClientOptBasicAuth(user, password))
	}
	if config.PlainHTTP {
		options = append(options, registry.ClientOptPlainHTTP())
	}
	client, err := registry.NewClient(options...)
	if err != nil {
		return "", fmt.Errorf("fetch the chart: %w", err)
	}
	// Helm fetches as a part of what it installs or upgrades.
	from := action.NewInstall(action.NewConfiguration())
	from.SetRegistryClient(client)
	from.Version, from.RepoURL, from.PlainHTTP = config.Version, config.Repository, config.PlainHTTP
	from.Username, from.Password = user, password
	path, err := from.LocateChart(config.Chart, settings)
	if err != nil {
		return "", &sdk.Error{Class: sdk.ClassExternalService, Pointer: "/helm_chart", Err: err,
			Message: fmt.Sprintf("fetch the chart %s: %v", config.Chart, err),
			Suggestion: "see that the address and version are right; for one that not everybody may fetch, give the step the secrets " +
				secretHelmUser + " and " + secretHelmPassword}
	}
	return path, nil
}

func badChart(format string, args ...any) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/helm_chart", Message: fmt.Sprintf(format, args...)}
}
