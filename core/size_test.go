package core_test

import (
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		size core.Size
		said string
	}{
		"0":        {0, "0 B"},
		"1023":     {1023, "1023 B"},
		"1KiB":     {1024, "1 KiB"},
		" 1.5 gib": {3 << 29, "1.5 GiB"},
		"10GiB":    {10 << 30, "10 GiB"},
		"500 MB":   {500e6, "476.8 MiB"},
		"2TB":      {2e12, "1.8 TiB"},
		"3TiB":     {3 << 40, "3 TiB"},
		"2048 TiB": {2048 << 40, "2048 TiB"},
	} {
		if got, err := core.ParseSize(text); err != nil || got != want.size || got.String() != want.said {
			t.Errorf("%q: %d %q, %v; want %d %q", text, got, got, err, want.size, want.said)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "-1KB", "1 parsec", "NaN", "Inf", "1e30", "1 2", "9000000TiB", "0x", "\x00"} {
		if got, err := core.ParseSize(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
