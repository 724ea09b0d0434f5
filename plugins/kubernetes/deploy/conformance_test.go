package deploy

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// TestConformance has the kit check the actions in a process of its own, which it also
// kills.
func TestConformance(t *testing.T) {
	b := newBench(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := func(config map[string]any) json.RawMessage {
		config["namespace"] = b.namespace
		data, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	crash := b.deployment("crash", "exit 3")
	sdktest.RunTarget(t, sdktest.Program(self), sdktest.Options{Patience: 2 * time.Minute, Cases: []sdktest.Case{
		{Name: "applies", Config: config(map[string]any{"manifest": configMap("one", "1") + "---\n" + b.deployment("web", "sleep 1000")})},
		{Name: "fails", Config: config(map[string]any{"manifest": crash, "patience": 1}), Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed}},
		{Name: "goes on", Endless: true, Config: config(map[string]any{"manifest": b.slow(), "patience": "10m"})},
	}})
}
