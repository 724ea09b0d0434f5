// Package terminal shows a run to a person: the output of its steps as it comes,
// told apart by a prefix, what is going on while they are silent, and how it ended.
// Piped into a file it is plain text without control characters.
package terminal

import (
	"fmt"
	"hash/fnv"
	"io"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// ANSI control sequences; see ECMA-48.
const (
	reset     = "\x1b[0m"
	bold      = "\x1b[1m"
	dim       = "\x1b[2m"
	red       = "\x1b[31m"
	green     = "\x1b[32m"
	yellow    = "\x1b[33m"
	eraseLine = "\r\x1b[K"
)

// palette colours the prefixes; red is left to failures.
var palette = []string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[95m", "\x1b[94m"}

// Renderer writes one run to a terminal or a file. It observes the engine and
// takes the run's log. It is safe for concurrent use.
type Renderer struct {
	out io.Writer
	// Interactive renderers use colour and keep a status line.
	interactive bool

	mu       sync.Mutex
	steps    map[int]*stepView
	order    []int
	statusOn bool // a status line is on the screen
	started  time.Time
	stop     chan struct{}
	stopOnce sync.Once
}

// stepView is what is known of a step.
type stepView struct {
	label    string
	colour   string
	run      core.StepRun
	progress string
	partial  map[core.LogStream][]byte
	offsets  map[int]core.LogOffsets // by attempt
}

// New writes to out; interactive for a terminal that a person looks at.
func New(out io.Writer, interactive bool) *Renderer {
	r := &Renderer{out: out, interactive: interactive, steps: map[int]*stepView{}, started: time.Now(), stop: make(chan struct{})}
	if interactive {
		go r.tick()
	}
	return r
}

// Label names a step ahead of its first word, so that prefixes are the same from
// the first line on.
func (r *Renderer) Label(index int, label string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view(index).label = label
}

func (r *Renderer) view(index int) *stepView {
	v, known := r.steps[index]
	if !known {
		v = &stepView{partial: map[core.LogStream][]byte{}, offsets: map[int]core.LogOffsets{}}
		r.steps[index] = v
		if index >= 0 {
			r.order = append(r.order, index)
		}
	}
	return v
}

// ExecutionChanged implements engine.Observer.
func (r *Renderer) ExecutionChanged(*core.Execution) {}

// StepChanged implements engine.Observer.
func (r *Renderer) StepChanged(s *core.StepRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.view(s.Index)
	v.run = *s
	if v.label == "" {
		v.label = s.Name
	}
	if s.Status.Terminal() {
		r.flush(v)
	}
}

// StepProgress implements engine.Observer.
func (r *Renderer) StepProgress(s *core.StepRun, message string, percent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.view(s.Index)
	v.progress = message
	if percent >= 0 {
		v.progress = fmt.Sprintf("%s %d%%", message, percent)
	}
}

// Close ends the status line. Call Summary before it.
func (r *Renderer) Close() {
	r.stopOnce.Do(func() { close(r.stop) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.eraseStatus()
}

// colourOf gives a label the same colour in every run.
func colourOf(label string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, label)
	return palette[int(h.Sum32()%uint32(len(palette)))]
}

func (r *Renderer) paint(style, text string) string {
	if !r.interactive || style == "" {
		return text
	}
	return style + text + reset
}
