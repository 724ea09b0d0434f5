// Package mask takes secrets out of what steps print: the values themselves, their
// lines, and the forms in which programs tend to show them (base64, hexadecimal,
// URL-encoded, JSON, quoted for a shell).
//
// A stream is masked as it comes, in whatever pieces: what is held back is only what
// could still become a secret. Where a piece of the result ends, a new stream can go
// on, and gives the same: this is what makes joining a step again exact.
//
// Not masked are what nobody can tell from ordinary text (see Maskable), and what a
// program makes of a secret on its own: a hash, a part, another encoding.
package mask

import (
	"slices"
	"strings"
)

// replacement is what a secret becomes, whatever its length.
const replacement = "***"

// Set is what is to be masked. It never changes and is safe for concurrent use; nil
// masks nothing.
type Set struct {
	automaton *automaton
}

// New prepares a set for values and all their forms. Values that are too short, or too
// common a word, to be told from ordinary text are not masked: see Maskable.
func New(values []string) *Set {
	values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return !Maskable(value) })
	if len(values) == 0 {
		return nil
	}
	slices.SortStableFunc(values, func(a, b string) int { return len(a) - len(b) })
	a := newAutomaton()
	for rank, formsOf := range encodings {
		for _, value := range values {
			if rank > 0 {
				value = strings.TrimSpace(value)
			}
			if a.full(len(value)) {
				a.leftOut++ // and no memory goes into what will not fit
				continue
			}
			for _, form := range formsOf(value) {
				if len(form) >= minPart {
					a.insert(form)
				}
			}
		}
	}
	a.link()
	return &Set{automaton: a}
}

// Empty reports whether nothing is masked.
func (s *Set) Empty() bool { return s == nil }

// LeftOut is how many forms did not fit in, 0 as a rule: all of them together may have
// about a mebibyte, which is enough for one value of 16 KiB, or a hundred of 200 bytes.
// Beyond it the values and their lines come before their encodings, and what is short
// before what is long.
func (s *Set) LeftOut() int {
	if s == nil {
		return 0
	}
	return s.automaton.leftOut
}

// Text masks a text that is there as a whole.
func (s *Set) Text(text string) string {
	if s == nil || text == "" {
		return text
	}
	stream := s.Stream(0)
	var masked []byte
	for _, p := range stream.Write([]byte(text)) {
		masked = append(masked, p.Data...)
	}
	for _, p := range stream.Flush() {
		masked = append(masked, p.Data...)
	}
	return string(masked)
}
