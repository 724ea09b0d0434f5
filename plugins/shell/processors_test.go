package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProcessors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		usable, steps int
		want          []int // every number that was set
	}{
		"few steps":          {usable: 8, steps: stepsPerProcessor - 1, want: []int{1}},
		"many steps":         {usable: 8, steps: 2 * stepsPerProcessor, want: []int{1, 2, 3}},
		"more than there is": {usable: 2, steps: 9 * stepsPerProcessor, want: []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var set []int
			var p processors
			p.begin(func(n int) int { set = append(set, n); return test.usable })
			for range 2 { // the second time, nothing is left to change
				for range test.steps {
					p.enter()
				}
				for range test.steps {
					p.leave()
				}
			}
			if diff := cmp.Diff(test.want, set); diff != "" {
				t.Errorf("processors set (-want +got):\n%s", diff)
			}
		})
	}
}
