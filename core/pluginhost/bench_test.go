package pluginhost_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

// benchOptions are those of a host whose caches are warm. With BENCH_CONNECTORS
// set, the connector named by BENCH_NAME in that folder is measured instead of the
// test binary.
func benchOptions(b *testing.B) (pluginhost.Options, string) {
	b.Helper()
	o := pluginhost.Options{Path: []string{os.Getenv("BENCH_CONNECTORS")}, CacheDir: b.TempDir()}
	name := os.Getenv("BENCH_NAME")
	if o.Path[0] == "" {
		o.Path[0], name = b.TempDir(), "good"
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		if err := os.Symlink(self, o.Path[0]+"/"+pluginhost.Prefix+name); err != nil {
			b.Fatal(err)
		}
	}
	runHost(b, o, name)
	return o, name
}

func runHost(b *testing.B, o pluginhost.Options, name string) {
	b.Helper()
	host, err := pluginhost.New(o)
	if err != nil {
		b.Fatal(err)
	}
	if err := host.Use(b.Context(), name, func(*sdk.Client, sdk.Info) error { return nil }); err != nil {
		b.Fatal(err)
	}
	if err := host.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLaunch is a host's whole life with one use of one connector.
func BenchmarkLaunch(b *testing.B) {
	o, name := benchOptions(b)
	for b.Loop() {
		runHost(b, o, name)
	}
}

// BenchmarkBareStart is the least that a launch could cost: the program started
// and run to the message with which it refuses to be run by hand.
func BenchmarkBareStart(b *testing.B) {
	o, name := benchOptions(b)
	for b.Loop() {
		_ = exec.Command(o.Path[0] + "/" + pluginhost.Prefix + name).Run() // exit code 2
	}
}

// BenchmarkUse is a use of a connector that is up.
func BenchmarkUse(b *testing.B) {
	o, name := benchOptions(b)
	host, err := pluginhost.New(o)
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close()
	for b.Loop() {
		if err := host.Use(b.Context(), name, func(*sdk.Client, sdk.Info) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
