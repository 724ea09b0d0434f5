package main

import "sync"

// stepsPerProcessor is how many steps at once make one more processor worth its
// price.
const stepsPerProcessor = 32

// processors keeps the number of processors that this process uses small: what it
// does for a step is short and mostly waiting, and of two threads that wake each
// other for it, the waking costs more than the work.
type processors struct {
	mu           sync.Mutex
	steps        int
	used, usable int // 0 before begin
	set          func(int) int
}

// begin takes charge of the number for the whole process; set is runtime.GOMAXPROCS.
func (p *processors) begin(set func(int) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set, p.used, p.usable = set, 1, set(1)
}

// enter counts a step that begins; the number only grows, because changing it stops
// everything for a moment.
func (p *processors) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps++
	if wanted := 1 + p.steps/stepsPerProcessor; wanted > p.used && wanted <= p.usable {
		p.used = wanted
		p.set(wanted)
	}
}

// leave counts a step that ended.
func (p *processors) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps--
}
