package config

import "testing"

func TestServicePorts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int{"": {0, 0}, "20000-20999": {20000, 20999}, " 1 - 65535 ": {1, 65535}, "80-80": {80, 80}} {
		if first, last, err := (Deploy{Ports: text}).Range(); err != nil || first != want[0] || last != want[1] {
			t.Errorf("%q: %d to %d, %v", text, first, last, err)
		}
	}
	for _, text := range []string{"x", "1", "2-1", "0-5", "1-70000", "-", "1-2-3"} {
		if _, _, err := (Deploy{Ports: text}).Range(); err == nil {
			t.Errorf("%q is let in", text)
		}
	}
}
