package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// frame is how often the status line is drawn anew.
const frame = 120 * time.Millisecond

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// maxStatus keeps the status line on one line of a narrow terminal.
const maxStatus = 76

// tick draws the status line until Close.
func (r *Renderer) tick() {
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.mu.Lock()
			r.drawStatus()
			r.mu.Unlock()
		case <-r.stop:
			return
		}
	}
}

func (r *Renderer) drawStatus() {
	var running []string
	for _, index := range r.order {
		v := r.steps[index]
		if v.run.Status != core.StatusRunning || v.run.StartedAt == nil {
			continue
		}
		text := fmt.Sprintf("%s %s", v.label, short(time.Since(*v.run.StartedAt)))
		if v.progress != "" {
			text += " " + v.progress
		}
		running = append(running, text)
	}
	if len(running) == 0 {
		r.eraseStatus()
		return
	}
	elapsed := time.Since(r.started)
	line := []rune(fmt.Sprintf("%c %s", spinner[int(elapsed/frame)%len(spinner)], strings.Join(running, " · ")))
	if len(line) > maxStatus {
		line = append(line[:maxStatus-1], '…')
	}
	fmt.Fprint(r.out, eraseLine+dim+string(line)+reset)
	r.statusOn = true
}

func (r *Renderer) eraseStatus() {
	if r.statusOn {
		fmt.Fprint(r.out, eraseLine)
		r.statusOn = false
	}
}

// short rounds a duration to what a person wants to read.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
