package pluginhost_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/sdk"
)

func TestSplit(t *testing.T) {
	o := pluginhost.Options{Path: []string{"/tmp/benchp"}, CacheDir: "/tmp/benchcache"}
	for range 15 {
		a := time.Now()
		host, err := pluginhost.New(o)
		if err != nil {
			t.Fatal(err)
		}
		var c time.Time
		if err := host.Use(t.Context(), "shell", func(*sdk.Client, sdk.Info) error { c = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		host.Close()
		fmt.Println("use", c.Sub(a), "close", time.Since(c))
	}
}
