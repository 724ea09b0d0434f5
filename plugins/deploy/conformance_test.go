package main

import (
	"os"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// TestConformance has the kit check the connector in a process of its own, which it also
// kills.
func TestConformance(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("cases.json")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := sdktest.ParseCases(data)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sdktest.RunTarget(t, sdktest.Program(self), sdktest.Options{Cases: cases})
}
