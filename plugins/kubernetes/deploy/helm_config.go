package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Secrets of a step by which charts are fetched that not everybody may have.
const (
	secretHelmUser     = "HELM_USERNAME"
	secretHelmPassword = "HELM_PASSWORD"
)

// maxValues bounds one file of values.
const maxValues = 4 << 20

// HelmConfig is what a helm step may say.
type HelmConfig struct {
	cluster.Access
	Chart string `json:"helm_chart,omitempty" jsonschema_description:"A chart: a folder or a .tgz in the workspace, oci://registry/path, https://host/chart.tgz, or a name in repository"`
	// Values are merged in their order, the later ones win.
	Values          Manifests       `json:"values,omitempty" jsonschema_description:"Values: a map, a file in the workspace, the text of one, or a list of these, the later ones winning"`
	Release         string          `json:"release,omitempty" jsonschema_description:"The name of the release; the chart's unless given"`
	Version         string          `json:"version,omitempty" jsonschema_description:"Which version of a chart that is fetched; the newest unless given"`
	Repository      string          `json:"repository,omitempty" jsonschema_description:"The address of a chart repository"`
	PlainHTTP       bool            `json:"plain_http,omitempty" jsonschema_description:"Fetch an oci:// chart without TLS"`
	Atomic          bool            `json:"atomic,omitempty" jsonschema_description:"When it fails: back to the last good revision, or nothing at all after a first install"`
	Uninstall       bool            `json:"uninstall,omitempty" jsonschema_description:"Remove the release instead"`
	CreateNamespace bool            `json:"create_namespace,omitempty" jsonschema_description:"Make the namespace if it is not there"`
	Force           bool            `json:"force,omitempty" jsonschema_description:"Take over fields that others own, instead of failing"`
	Environment     sdk.Environment `json:"environment,omitempty"`
	Waiting
}

// CheckConfig implements the check of a typed action.
func (c *HelmConfig) CheckConfig() error {
	switch {
	case c.Uninstall && c.Release == "":
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/release", Message: "uninstall needs the name of the release", Suggestion: "add release:"}
	case !c.Uninstall && c.Chart == "":
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/helm_chart", Message: "helm_chart is missing",
			Suggestion: "name a chart's folder in the workspace, or oci://registry/path"}
	case c.Release != "" && !releaseName.MatchString(c.Release):
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/release", Message: fmt.Sprintf("%q cannot be the name of a release", c.Release),
			Suggestion: "use lower-case letters, digits, - and ., at most 53"}
	}
	return nil
}

// remote says whether the chart is fetched rather than found in the workspace.
func (c *HelmConfig) remote() bool { return c.Repository != "" || strings.Contains(c.Chart, "://") }

// values reads and merges them.
func (c *HelmConfig) values(workspace string) (map[string]any, error) {
	merged := map[string]any{}
	for _, one := range c.Values {
		data, name := one.text, "values"
		if one.path != "" {
			var err error
			if data, err = readInside(workspace, one.path, maxValues); err != nil {
				return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/values", Message: fmt.Sprintf("values: %v", err),
					Suggestion: "give a path relative to the workspace"}
			}
			name = one.path
		}
		values, err := loader.LoadValues(bytes.NewReader(data))
		if err != nil {
			return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/values", Message: fmt.Sprintf("%s: %v", name, err)}
		}
		merged = loader.MergeMaps(merged, values)
	}
	return merged, nil
}

// readInside reads a file of the workspace.
func readInside(workspace, name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.Open(inside(workspace, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d MiB", name, limit>>20)
	}
	return data, err
}

// inside is a path relative to the workspace; one that leads out of it stays so, and
// is refused by whoever opens it.
func inside(workspace, name string) string {
	if filepath.IsAbs(name) {
		if relative, err := filepath.Rel(workspace, name); err == nil {
			name = relative
		}
	}
	return filepath.Clean(name)
}

// helmNote is what an attempt keeps about the release that it makes.
type helmNote struct {
	Release  string `json:"release"`
	Revision int    `json:"revision"`
}

const helmFile = "helm.json"

func (n helmNote) keep(out *journal) error {
	data, err := json.Marshal(n)
	if err == nil {
		err = out.keep(helmFile, data)
	}
	if err != nil {
		return fmt.Errorf("keep the release's revision: %w", err)
	}
	return nil
}

// keptNote returns what the attempt noted before it was killed, or nothing.
func keptNote(out *journal) (helmNote, error) {
	var note helmNote
	data, err := out.kept(helmFile)
	if err != nil || data == nil {
		return note, err
	}
	return note, json.Unmarshal(data, &note)
}

// nameOfRelease is the one given or the chart's.
func (c *HelmConfig) nameOfRelease(ch *chart.Chart) string {
	if c.Release != "" {
		return c.Release
	}
	return ch.Name()
}
