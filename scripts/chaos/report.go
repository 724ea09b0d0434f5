//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// maxShown is how many breaches of one promise are told in full.
const maxShown = 8

// promise is something that must hold however the server is tormented.
type promise struct {
	what string

	mu       sync.Mutex
	checked  int
	breaches []string
}

// check notes that the promise was held against one case; a non-empty breach says
// how it failed.
func (p *promise) check(breach string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked++
	if breach != "" {
		p.breaches = append(p.breaches, breach)
	}
}

// that is check for a condition.
func (p *promise) that(holds bool, format string, args ...any) {
	if holds {
		p.check("")
		return
	}
	p.check(fmt.Sprintf(format, args...))
}

// report is what was found out.
type report struct {
	promises []*promise
}

// promise adds one.
func (r *report) promise(what string) *promise {
	p := &promise{what: what}
	r.promises = append(r.promises, p)
	return p
}

// drop takes back a promise that this course cannot be held against.
func (r *report) drop(p *promise) {
	r.promises = slices.DeleteFunc(r.promises, func(q *promise) bool { return q == p })
}

// print writes the promises and returns errBroken when one was not kept. One that
// nothing was held against counts as not kept: it proves nothing.
func (r *report) print(out io.Writer) error {
	broken := 0
	fmt.Fprintln(out)
	for _, p := range r.promises {
		p.mu.Lock()
		word := "kept  "
		if len(p.breaches) > 0 || p.checked == 0 {
			word = "BROKEN"
			broken++
		}
		fmt.Fprintf(out, "%s  %s (%d checked", word, p.what, p.checked)
		if n := len(p.breaches); n > 0 {
			fmt.Fprintf(out, ", %d broken", n)
		}
		fmt.Fprintln(out, ")")
		for _, breach := range p.breaches[:min(maxShown, len(p.breaches))] {
			fmt.Fprintf(out, "          %s\n", breach)
		}
		if rest := len(p.breaches) - maxShown; rest > 0 {
			fmt.Fprintf(out, "          and %d more\n", rest)
		}
		p.mu.Unlock()
	}
	fmt.Fprintln(out)
	if broken > 0 {
		return fmt.Errorf("%w: %d of %d", errBroken, broken, len(r.promises))
	}
	fmt.Fprintf(out, "all %d promises kept\n", len(r.promises))
	return nil
}
