package main

import (
	"os"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

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
	sdktest.Run(t, newConnector(), cases...)
}
