package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestWhatAContainerIs looks from within at what the keys have made of it.
func TestWhatAContainerIs(t *testing.T) {
	t.Parallel()
	kept := "CapBnd:\t00000000000004fb" // chown … setuid and net_bind_service; see keptCapabilities
	const status, fails = "grep -E 'CapBnd|NoNewPrivs' /proc/self/status", "&& echo yes || echo no"
	cases := map[string]struct {
		keys    map[string]any
		command string
		want    string
	}{
		"by default":       {nil, status, kept + "\nNoNewPrivs:\t1\n"},
		"sudo":             {map[string]any{"no_new_privileges": false}, status, kept + "\nNoNewPrivs:\t0\n"},
		"no capabilities":  {map[string]any{"cap_drop": "all"}, status, "CapBnd:\t0000000000000000\nNoNewPrivs:\t1\n"},
		"one of them":      {map[string]any{"cap_drop": "ALL", "cap_add": "net_raw"}, status, "CapBnd:\t0000000000002000\nNoNewPrivs:\t1\n"},
		"read-only":        {map[string]any{"read_only": true}, "touch /x 2>/dev/null " + fails + "; touch /tmp/x " + fails + "; touch /workspace/ro " + fails, "no\nyes\nyes\n"},
		"in memory":        {map[string]any{"tmpfs": "/m:size=1m"}, "df -k /m | tail -n 1 | awk '{print $1, $2}'", "tmpfs 1024\n"},
		"shared memory":    {map[string]any{"shm_size": "1m"}, "df -k /dev/shm | tail -n 1 | awk '{print $2}'", "1024\n"},
		"names":            {map[string]any{"extra_hosts": []string{"db:192.0.2.7"}}, "grep db /etc/hosts", "192.0.2.7\tdb\n"},
		"name servers":     {map[string]any{"dns": "192.0.2.53", "dns_search": "example.com"}, "grep -E 'nameserver|search' /etc/resolv.conf", "search example.com\nnameserver 192.0.2.53\n"},
		"no network":       {map[string]any{"network": "none"}, "ls /sys/class/net", "lo\n"},
		"memory":           {map[string]any{"memory": "32m"}, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max", "33554432\n"},
		"processes":        {map[string]any{"pids": 17}, "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max", "17\n"},
		"usual processes":  {nil, "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max", "4096\n"},
		"processors":       {map[string]any{"cpu": "500m"}, "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max", "50000\n"},
		"files of another": {map[string]any{"user": "1000:1000"}, "id -u; touch /workspace/theirs " + fails, "1000\nyes\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if err := os.Chmod(b.workspace, 0o777); err != nil {
				t.Fatal(err)
			}
			keys := map[string]any{"command": c.command}
			for key, value := range c.keys {
				keys[key] = value
			}
			_, said, err := b.run(b.request(keys))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, said.stdout.String()); diff != "" {
				t.Errorf("%s%s", diff, said.stderr.String())
			}
		})
	}
}

// TestRootMayWriteOthersFiles: a step as root follows one that was not.
func TestRootMayWriteOthersFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := os.Chmod(b.workspace, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, keys := range []map[string]any{
		{"user": "1000", "script": "umask 077; mkdir d; echo a >d/f"},
		{"script": "echo b >>d/f; chown -R 0:0 d; cat d/f"},
	} {
		result, said, err := b.run(b.request(keys))
		if err != nil || result.Outcome != sdk.OutcomeSucceeded {
			t.Fatalf("%v: %+v, %v: %s", keys, result, err, said.stderr.String())
		}
	}
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "f"), []byte("from the machine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	name := "patchbay-test-" + uuid.NewString()
	t.Cleanup(func() { _ = b.connector.engine.api.VolumeRemove(context.Background(), name, true) })
	b.connector.policy = settings("PATCHBAY_DOCKER_VOLUMES=" + folder + ":ro,patchbay-test-*")
	for _, command := range []string{"cat /in/f; touch /in/g 2>/dev/null || echo refused; echo kept >/cache/k", "cat /cache/k"} {
		_, said, err := b.run(b.request(map[string]any{"command": command,
			"volumes": []any{folder + ":/in:ro", map[string]any{"source": name, "target": "/cache"}}}))
		want := "from the machine\nrefused\n"
		if command == "cat /cache/k" {
			want = "kept\n"
		}
		if err != nil || said.stdout.String() != want {
			t.Errorf("got %q, %v; %s", said.stdout.String(), err, said.stderr.String())
		}
	}
	// A volume that somebody named outlives its steps.
	if _, err := b.connector.engine.api.VolumeInspect(t.Context(), name); err != nil {
		t.Errorf("the named volume: %v", err)
	}
	// Policy holds also where nobody has validated.
	_, _, err := b.run(b.request(map[string]any{"command": "true", "volumes": []any{"/etc:/etc2:ro"}}))
	if sdk.ClassOf(err) != sdk.ClassInvalidConfig || !strings.Contains(err.Error(), "/etc may not be mounted here") {
		t.Errorf("got %v", err)
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	result, _, err := b.run(b.request(map[string]any{"memory": "16m", "command": []string{"sh", "-c", "tail -c 100m /dev/zero | cat >/dev/null; exit 137"}}))
	if err != nil || result.Outcome != sdk.OutcomeFailed || result.Metadata["oom_killed"] != "true" {
		t.Errorf("got %+v, %v", result, err)
	}
}

func TestPlatformThatAnImageHasNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _, err := b.run(b.request(map[string]any{"command": "true", "platform": "linux/s390x", "pull": "never"}))
	if sdk.ClassOf(err) != sdk.ClassNotFound {
		t.Errorf("got %v", err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	result, _, err := b.run(b.request(map[string]any{"script": "x=$(head -c 20000000 /dev/zero | tr '\\0' x); i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 2"}))
	if err != nil {
		t.Fatal(err)
	}
	if m := result.Metadata; len(m["memory_peak_bytes"]) < 8 || m["cpu_seconds"] == "" || m["cpu_seconds"] == "0.000" {
		t.Errorf("got %v", m)
	}
}
