package sdktest

import (
	"context"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Run checks a connector in this process, as subtests of t: one for each check,
// and below it one for each case.
func Run(t *testing.T, connector sdk.Connector, cases ...Case) {
	t.Helper()
	RunTarget(t, InMemory(connector), Options{Cases: cases})
}

// RunTarget checks any target, as subtests of t, and closes it.
func RunTarget(t *testing.T, target Target, options Options) {
	t.Helper()
	defer func() {
		if err := target.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	options = options.withDefaults()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			for _, report := range c.reports(context.Background(), target, options) {
				name := report.Case
				if name == "" {
					name = "any"
				}
				t.Run(name, func(t *testing.T) { tell(t, report) })
			}
		})
	}
}

func tell(t *testing.T, report Report) {
	t.Helper()
	switch report.Status {
	case Failed:
		t.Errorf("%s: %s", report.About, report.Message)
	case Skipped:
		t.Skip(report.Message)
	}
}
