//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stand is the folder in which a server is tormented. It has its own copy of the
// binaries: that way every process of it can be told from all others by its
// program's path, and a build that goes on meanwhile changes nothing.
type stand struct {
	root    string
	data    string // the server's data folder
	effects string // a file that each step appends a line to
	marks   string // a folder for steps that remember
	log     string // what all servers said, one after the other
	user    uint32 // whom the server runs as; 0 for whoever runs this
}

// newStand makes one below the system's folder for temporary files, out of the
// programs in bin. connectors are those that are needed.
func newStand(bin string, connectors ...string) (*stand, error) {
	root, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return nil, err
	}
	s := &stand{root: root, data: filepath.Join(root, "data"), effects: filepath.Join(root, "effects"),
		marks: filepath.Join(root, "marks"), log: filepath.Join(root, "server.log")}
	// t is for sockets, whose paths must be short.
	for _, folder := range []string{"bin/plugins", "data", "marks", "cache", "t"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			return nil, errors.Join(err, s.remove())
		}
	}
	programs := []string{"patchbay"}
	for _, name := range connectors {
		programs = append(programs, filepath.Join("plugins", "patchbay-connector-"+name))
	}
	for _, program := range programs {
		if err := copyFile(filepath.Join(bin, program), filepath.Join(root, "bin", program)); err != nil {
			return nil, errors.Join(fmt.Errorf("%w (`make build` makes the programs)", err), s.remove())
		}
	}
	return s, nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// environment is what the server is started with: nothing of this user's settings.
func (s *stand) environment() []string {
	var list []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "PATCHBAY_") && !strings.HasPrefix(name, "XDG_") && name != "PORT" {
			list = append(list, pair)
		}
	}
	return append(list, "PATCHBAY_ADMIN_TOKEN="+adminToken, "TMPDIR="+filepath.Join(s.root, "t"),
		"XDG_CACHE_HOME="+filepath.Join(s.root, "cache"), "XDG_DATA_HOME="+filepath.Join(s.root, "cache"))
}

// nobody is the user that a server is run as where root could write everywhere.
const nobody = 65534

// dropRoot gives the stand to another user where nothing would keep root from
// writing.
func (s *stand) dropRoot(p *place) error {
	if os.Getuid() != 0 || p.kind == placeLoop {
		return nil
	}
	s.user = nobody
	return filepath.WalkDir(s.root, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, nobody, nobody))
	})
}

// serverLog is the end of what the servers said, for reports.
func (s *stand) serverLog(lines int) string {
	content, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (s *stand) remove() error { return os.RemoveAll(s.root) }
