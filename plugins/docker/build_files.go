package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxDockerfile bounds a Dockerfile and a .dockerignore.
const maxDockerfile = 4 << 20

// sources are the files of a build: a folder, and which Dockerfile.
type sources struct {
	root *os.Root // the build context
	// dockerfile is the Dockerfile's path in the context; "" when text is it.
	dockerfile string
	text       []byte
	// ignore are the rules of .dockerignore, not yet read as such.
	ignore []byte
}

func (s *sources) Close() error { return s.root.Close() }

// openSources finds the files of a build in the workspace. Nothing that is named can
// lie outside of it, also not by way of a symbolic link.
func openSources(workspace string, c *buildConfig) (*sources, error) {
	base, err := inWorkspace(workspace, "", c.WorkingDirectory, "/working_directory")
	if err != nil {
		return nil, err
	}
	folder := base
	if c.BuildContext != "" {
		if folder, err = inWorkspace(workspace, base, c.BuildContext, "/build_context"); err != nil {
			return nil, err
		}
	}
	work, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	defer work.Close()
	root, err := work.OpenRoot(folder)
	if err != nil {
		return nil, noFolder(c, err)
	}
	s := &sources{root: root}
	if err := s.find(work, base, folder, c, workspace); err != nil {
		root.Close()
		return nil, err
	}
	return s, nil
}

// inWorkspace is a configured path, relative to the workspace's folder.
func inWorkspace(workspace, base, configured, pointer string) (string, error) {
	name := inContainer(workspace, configured)
	if path.IsAbs(name) {
		rest, found := strings.CutPrefix(path.Clean(name)+"/", mountPoint+"/")
		if !found {
			return "", leavesWorkspace(pointer, configured)
		}
		base, name = "", rest
	}
	name = path.Join(base, name)
	if name == "" {
		name = "."
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", leavesWorkspace(pointer, configured)
	}
	return name, nil
}

func leavesWorkspace(pointer, configured string) error {
	return invalid(pointer, "give a path in the workspace", "%s %q is not in the workspace", strings.TrimPrefix(pointer, "/"), configured)
}

func noFolder(c *buildConfig, err error) error {
	key, value := "build_context", c.BuildContext
	if value == "" {
		key, value = "working_directory", c.WorkingDirectory
	}
	problem := &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/" + key, Err: err,
		Message: fmt.Sprintf("%s %q is not a folder of the workspace", key, value)}
	if errors.Is(err, fs.ErrNotExist) {
		problem.Message = fmt.Sprintf("%s %q does not exist in the workspace", key, value)
		problem.Suggestion = "an earlier step must make it"
	}
	return problem
}

// find looks for the Dockerfile and its rules of what to ignore.
func (s *sources) find(work *os.Root, base, folder string, c *buildConfig, workspace string) error {
	var err error
	if s.ignore, err = readSmall(s.root, ".dockerignore"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return invalid("/build_context", "", "the .dockerignore of the build context cannot be read: %v", pathless(err))
	}
	switch {
	case c.DockerfileInline != "":
		s.text = []byte(string(c.DockerfileInline) + "\n")
		return nil
	case c.Dockerfile == "":
		return s.inContext("Dockerfile", c)
	}
	name, err := inWorkspace(workspace, base, c.Dockerfile, "/dockerfile")
	if err != nil {
		return err
	}
	text, err := readSmall(work, name)
	if errors.Is(err, fs.ErrNotExist) && filepath.IsLocal(c.Dockerfile) {
		return s.inContext(path.Clean(c.Dockerfile), c)
	}
	if err != nil {
		return badDockerfile(c.Dockerfile, err)
	}
	if inside, found := strings.CutPrefix("./"+name, "./"+strings.TrimPrefix(folder+"/", "./")); found {
		return s.inContext(inside, c)
	}
	if rules, err := readSmall(work, name+".dockerignore"); err == nil {
		s.ignore = rules
	}
	s.text = text
	return nil
}

// inContext takes the Dockerfile that lies in the context.
func (s *sources) inContext(name string, c *buildConfig) error {
	text, err := readSmall(s.root, name)
	if err != nil {
		problem := badDockerfile(name, err)
		if c.Dockerfile == "" && errors.Is(err, fs.ErrNotExist) {
			problem.Message = "there is no Dockerfile in the build context"
			problem.Suggestion = "add one (patchbay init writes one for many kinds of project), or name it: dockerfile: path"
		}
		return problem
	}
	if rules, err := readSmall(s.root, name+".dockerignore"); err == nil {
		s.ignore = rules
	}
	s.dockerfile, s.text = name, text
	return nil
}

func badDockerfile(name string, err error) *sdk.Error {
	problem := &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/dockerfile", Err: err,
		Message: fmt.Sprintf("the Dockerfile %q cannot be read: %v", name, pathless(err))}
	if errors.Is(err, fs.ErrNotExist) {
		problem.Message = fmt.Sprintf("there is no Dockerfile %q in the working directory, nor in the build context", name)
		problem.Suggestion = "check the path; an earlier step may have to make it"
	}
	return problem
}

// readSmall reads a plain file of bounded size, without waiting for what is none.
func readSmall(root *os.Root, name string) ([]byte, error) {
	file, err := openPlain(root, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxDockerfile+1))
	if err == nil && len(text) > maxDockerfile {
		err = fmt.Errorf("it is larger than %d bytes", maxDockerfile)
	}
	return text, err
}

// pathless is an error without the server's path in it.
func pathless(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
