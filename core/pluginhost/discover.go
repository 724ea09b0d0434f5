package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Prefix begins the file name of every connector.
const Prefix = "patchbay-connector-"

// connectorName is what may follow Prefix.
var connectorName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidName reports whether a connector may be called that: lower-case letters,
// digits and hyphens inside, at most 63 of them.
func ValidName(name string) bool { return connectorName.MatchString(name) }

// binary is a connector's file as it was at one moment.
type binary struct {
	name     string
	path     string
	mode     fs.FileMode
	identity identity
}

// identity tells one content of one file from another without reading it. The
// change time cannot be set by a user, so a file that was written to has another.
type identity struct {
	Device, Inode    uint64
	Size             int64
	Modified, Change int64 // nanoseconds
}

// openBinary looks at a connector's file, through symbolic links.
func openBinary(path string) (*binary, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return &binary{name: strings.TrimPrefix(filepath.Base(path), Prefix), path: path,
		mode: info.Mode(), identity: identityOf(info)}, nil
}

// replaced reports whether the file is no longer the one that was looked at.
func (b *binary) replaced() bool {
	now, err := openBinary(b.path)
	return err == nil && now.identity != b.identity
}

// settled reports whether the file was left alone long enough for its identity to
// stand for its content: times have a granularity.
func (b *binary) settled() bool {
	return time.Since(time.Unix(0, b.identity.Change)) > 2*time.Second
}

// problem says what keeps the file from being launched, as far as can be seen from
// outside.
func (b *binary) problem() error {
	switch {
	case !ValidName(b.name):
		return fmt.Errorf("%q is not a name for a connector: use lower-case letters, digits and hyphens, as in %sacme", b.name, Prefix)
	case b.mode.IsDir():
		return errors.New("it is a folder: put the program itself into the plugin path")
	case !b.mode.IsRegular():
		return errors.New("it is not a regular file")
	case b.identity.Size == 0:
		return errors.New("it is an empty file: copy it again")
	case b.mode.Perm()&0o111 == 0:
		return fmt.Errorf("it is not executable: chmod +x %s", b.path)
	}
	return nil
}

// find looks for a connector by name in the plugin path.
func (h *Host) find(name string) (*binary, error) {
	if ValidName(name) {
		for _, folder := range h.options.Path {
			if file, err := openBinary(filepath.Join(folder, Prefix+name)); err == nil {
				return file, nil
			}
		}
	}
	return nil, &sdk.Error{Class: sdk.ClassNotFound,
		Message:    fmt.Sprintf("there is no connector %q", name),
		Suggestion: fmt.Sprintf("a program %s%s is expected in %s", Prefix, name, h.pathText())}
}

// scan lists all connectors in the plugin path, by name.
func (h *Host) scan() []*binary {
	found := map[string]*binary{}
	for _, folder := range h.options.Path {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.log.Warn("cannot read a folder of the plugin path", "folder", folder, "error", err)
		}
		for _, entry := range entries {
			name, ours := strings.CutPrefix(entry.Name(), Prefix)
			if !ours || found[name] != nil {
				continue
			}
			if file, err := openBinary(filepath.Join(folder, entry.Name())); err == nil {
				found[name] = file
			}
		}
	}
	files := make([]*binary, 0, len(found))
	for _, file := range found {
		files = append(files, file)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].name < files[j].name })
	return files
}

func (h *Host) pathText() string {
	if len(h.options.Path) == 0 {
		return "the plugin path, which is empty"
	}
	return strings.Join(h.options.Path, " or ")
}
