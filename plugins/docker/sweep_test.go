package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// endedProcess is the owner that a process had which is no more.
func endedProcess(t *testing.T) owner {
	t.Helper()
	command := exec.Command("sleep", "600")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	o := thisOwner()
	o.process = strconv.Itoa(command.Process.Pid)
	o.started, _ = processStart(o.process)
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	return o
}

// TestAbandoned has who is certain not to come back, and who may.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	if thisOwner() == (owner{}) {
		t.Skip("this system does not tell who a process is")
	}
	c := newConnector()
	folder, gone := t.TempDir(), filepath.Join(t.TempDir(), "gone")
	begun := t.TempDir()
	if err := os.WriteFile(filepath.Join(begun, lockName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dead := endedProcess(t)
	alive := thisOwner()
	reused := alive
	reused.started += "0" // another process has its number now
	elsewhere, before, contained, hidden := dead, dead, dead, dead
	elsewhere.machine = "0123456789abcdef"
	before.boot = "earlier"
	contained.pids = "pid:[1]"
	hidden.mounts = "mnt:[1]"
	cases := map[string]struct {
		host    owner
		folder  string
		more    string
		created bool
		want    bool
	}{
		"it runs":                            {alive, folder, "", false, false},
		"it runs, its folder is gone":        {alive, gone, "", false, false},
		"it runs, and would not come back":   {alive, folder, labelTied, false, false},
		"a server that may be started again": {dead, folder, "", false, false},
		"a server that lost its data":        {dead, gone, "", false, true},
		"a run that was killed":              {dead, folder, labelTied, false, true},
		"its number was given to another":    {reused, folder, labelTied, false, true},
		"before the machine's start":         {before, folder, labelTied, false, true},
		"on another machine":                 {elsewhere, gone, labelTied, false, false},
		"in another container":               {contained, gone, labelTied, false, false},
		"its folders are not seen from here": {hidden, gone, "", false, false},
		"got ready, and never begun":         {dead, folder, labelPrepared, true, true},
		"got ready and begun":                {dead, begun, labelPrepared, true, false},
		"got ready and started":              {dead, folder, labelPrepared, false, false},
		"nothing is known of it":             {owner{}, gone, labelTied, false, false},
	}
	for name, want := range cases {
		labels := map[string]string{labelAttempt: "a", labelHost: want.host.String(), labelFolder: want.folder}
		if want.more != "" {
			labels[want.more] = "true"
		}
		if got := c.abandoned(labels, want.created); got != want.want {
			t.Errorf("%s: abandoned is %t", name, got)
		}
	}
}

// TestSweep counts what is left beside what is lost: what others still have, what has
// no labels, what has some of them.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	api := b.connector.engine.api
	dead, folder := endedProcess(t).String(), t.TempDir()
	test := uuid.NewString()
	add := func(name string, labels map[string]string) {
		labels["test"] = test
		made, err := api.ContainerCreate(t.Context(), &container.Config{Image: b.image, Cmd: []string{"sleep", "600"}, Labels: labels}, nil, nil, nil, "test-"+test+"-"+name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.connector.engine.remove(context.Background(), made.ID) })
		if err := api.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	owned := func(host, more string) map[string]string {
		return map[string]string{labelConnector: "docker", labelAttempt: test, labelHost: host, labelFolder: folder, more: "true"}
	}
	add("lost", owned(dead, labelTied))
	add("lost-service", owned(dead, labelTied))
	add("server", owned(dead, "server"))
	add("running", owned(thisOwner().String(), labelTied))
	add("unlabelled", map[string]string{})
	add("older", map[string]string{labelConnector: "docker", labelAttempt: test})
	add("similar", map[string]string{labelAttempt: test, labelHost: dead, labelTied: "true"})
	for name, host := range map[string]string{"lost": dead, "kept": thisOwner().String()} {
		labels := owned(host, labelTied)
		labels["test"] = test
		if _, err := api.NetworkCreate(t.Context(), "test-"+test+"-"+name, network.CreateOptions{Labels: labels}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = api.NetworkRemove(context.Background(), "test-"+test+"-"+name) })
	}
	if err := b.connector.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	of := labelled("test=" + test)
	of.Del("label", labelConnector+"=docker")
	containers, err := api.ContainerList(t.Context(), container.ListOptions{All: true, Filters: of})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range containers {
		left[found.Names[0][len("/test-"+test+"-"):]] = true
	}
	networks, err := api.NetworkList(t.Context(), network.ListOptions{Filters: of})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range networks {
		left["network "+found.Name[len("test-"+test+"-"):]] = true
	}
	want := map[string]bool{"server": true, "running": true, "unlabelled": true, "older": true, "similar": true, "network kept": true}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}
