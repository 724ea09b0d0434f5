package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestDirectory deploys twice, goes back, stops, and leaves nothing.
func TestDirectory(t *testing.T) {
	t.Parallel()
	for _, absolute := range []bool{false, true} {
		b := newBench(t)
		c := config{"service_name": "site", "target_directory": "sites/site", "source": "public"}
		target := filepath.Join(b.deploy, servicesFolder, "sites/site")
		if absolute {
			target = filepath.Join(b.allowed, "sites/site")
			c["target_directory"] = target
		}
		b.write("public/version", "1")
		b.write("public/.git/config", "secret")
		b.write("public/run", "#!/bin/sh")
		if err := errors.Join(os.Chmod(filepath.Join(b.workspace, "public/run"), 0o750), os.Symlink("version", filepath.Join(b.workspace, "public/link"))); err != nil {
			t.Fatal(err)
		}
		one := b.release(actionDirectory, c)
		b.goLive(one)
		if got := read(t, target+"/link"); got != "1" {
			t.Errorf("got %q", got)
		}
		if diff := cmp.Diff([]string{"link", "run", "version"}, names(t, target)); diff != "" {
			t.Error(diff)
		}
		if info, err := os.Stat(target + "/run"); err != nil || info.Mode().Perm() != 0o750 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		b.write("public/version", "2")
		if got := read(t, target+"/version"); got != "1" {
			t.Errorf("the workspace changed what is live: %q", got)
		}
		two := b.release(actionDirectory, c)
		b.goLive(two)
		b.stop(one, 0)
		if got := read(t, target+"/version"); got != "2" {
			t.Errorf("got %q", got)
		}
		b.stop(two, 0)
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a stopped folder is there: %v", err)
		}
		b.goLive(one)
		if got := read(t, target+"/version"); got != "1" {
			t.Errorf("rolled back: %q", got)
		}
		b.remove(one)
		b.remove(two)
		b.remove(two)
		if diff := cmp.Diff([]string{}, names(t, filepath.Dir(target))); diff != "" {
			t.Errorf("left over: %s", diff)
		}
		if diff := cmp.Diff([]string{}, names(t, filepath.Join(b.deploy, releasesFolder))); diff != "" {
			t.Errorf("left over: %s", diff)
		}
	}
}

// TestReaderSeesWhole has a reader open the folder all the time while it is switched.
func TestReaderSeesWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := config{"target_directory": "site"}
	target := filepath.Join(b.deploy, servicesFolder, "site")
	var instances []sdk.Instance
	for _, version := range []string{"1", "2"} {
		b.write("a", version)
		b.write("b", version)
		instances = append(instances, b.release(actionDirectory, c))
		b.start(instances[len(instances)-1])
	}
	b.goLive(instances[0])
	stop, seen := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				seen <- nil
				return
			default:
			}
			if err := readBoth(target); err != nil {
				seen <- err
				return
			}
		}
	}()
	for range 200 {
		for _, i := range []int{1, 0} {
			b.goLive(instances[i])
			b.stop(instances[1-i], 0)
		}
	}
	close(stop)
	if err := <-seen; err != nil {
		t.Error(err)
	}
}

// readBoth opens the folder once, as a server does for a request.
func readBoth(target string) error {
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	a, err := root.ReadFile("a")
	if err != nil {
		return err
	}
	b, err := root.ReadFile("b")
	if err == nil && string(a) != string(b) {
		err = errors.New("half of each: " + string(a) + string(b))
	}
	return err
}

func TestExisting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("file", "new")
	target := filepath.Join(b.allowed, "app")
	if err := errors.Join(os.Mkdir(target, 0o755), os.WriteFile(target+"/mine", []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	c := config{"target_directory": target, "service_name": "app"}
	if _, _, err := b.attempt(uuid.NewString(), actionDirectory, c); sdk.ClassOf(err) != sdk.ClassInvalidConfig || !strings.Contains(err.Error(), "did not make it") {
		t.Errorf("got %v", err)
	}
	if read(t, target+"/mine") != "mine" {
		t.Error("it was changed")
	}
	c["existing"] = existingAside
	i := b.release(actionDirectory, c)
	b.goLive(i)
	b.goLive(i)
	if read(t, target+"/file") != "new" || read(t, target+".before-"+i.ID+"/mine") != "mine" {
		t.Error("it was not moved aside")
	}
	other := config{"target_directory": target, "service_name": "other"}
	if _, _, err := b.attempt(uuid.NewString(), actionDirectory, other); sdk.ClassOf(err) != sdk.ClassInvalidConfig {
		t.Errorf("another service's folder: got %v", err)
	}
}

// TestRefused has what must not be deployed, and that nothing is left of it.
func TestRefused(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	for name, test := range map[string]struct {
		c      config
		before func(b *bench) error
		want   string
	}{
		"not allowed":    {c: config{"target_directory": outside + "/x"}, want: "not below a folder that the operator allows"},
		"dots":           {c: config{"target_directory": "../x"}, want: "not in the services folder"},
		"source outside": {c: config{"source": "../x"}, want: "not in the workspace"},
		"no source":      {c: config{"source": "nope"}, want: "does not exist"},
		"source by a link": {c: config{"source": "out"}, want: "cannot be opened",
			before: func(b *bench) error { return os.Symlink(outside, filepath.Join(b.workspace, "out")) }},
		"link out": {c: config{}, want: "leads out of the source",
			before: func(b *bench) error { return os.Symlink("/etc/passwd", filepath.Join(b.workspace, "out")) }},
		"link out round about": {c: config{}, want: "leads out of the source", before: func(b *bench) error {
			return errors.Join(os.Symlink(".", filepath.Join(b.workspace, "here")), os.Symlink("here/../..", filepath.Join(b.workspace, "out")))
		}},
		"target by a link": {c: config{"target_directory": "ALLOWED/out/x"}, want: "cannot be made",
			before: func(b *bench) error { return os.Symlink(outside, filepath.Join(b.allowed, "out")) }},
		"pipe":       {c: config{}, want: "neither a file", before: func(b *bench) error { return syscall.Mkfifo(filepath.Join(b.workspace, "p"), 0o600) }},
		"too many":   {c: config{"source": "many"}, want: "more than 3 files"},
		"bad name":   {c: config{"service_name": "No Name"}, want: "no name for a service"},
		"TCP check":  {c: config{"health_check": config{"tcp": ""}}, want: "no port"},
		"two checks": {c: config{"health_check": config{"command": "true", "http": config{"url": "http://x"}}}, want: "one of http, tcp and command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, settingMaxFiles, "3")
			for _, n := range []string{"1", "2", "3", "4"} {
				b.write("many/"+n, n)
			}
			c := config{"service_name": "x"}
			for key, value := range test.c {
				if text, ok := value.(string); ok {
					value = strings.Replace(text, "ALLOWED", b.allowed, 1)
				}
				c[key] = value
			}
			if test.before != nil {
				if err := errors.Join(os.RemoveAll(filepath.Join(b.workspace, "many")), test.before(b)); err != nil {
					t.Fatal(err)
				}
			}
			id := uuid.NewString()
			said, _, err := b.attempt(id, actionDirectory, c)
			if err == nil || !strings.Contains(err.Error(), test.want) || said.release != nil {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err := b.client.RemoveRelease(t.Context(), sdk.RemoveReleaseRequest{Action: actionDirectory, ReleaseID: id, DeployPath: b.deploy}); err != nil {
				t.Error(err)
			}
			if len(names(t, outside)) > 0 {
				t.Error("something got out")
			}
			if left := names(t, b.deploy); len(left) > 0 && len(names(t, filepath.Join(b.deploy, releasesFolder))) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}
