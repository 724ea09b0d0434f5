package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// progressPause is the least time between two words on a pull.
	progressPause = 250 * time.Millisecond
	// maxLayers bounds what is remembered of a pull; images have 127 at most.
	maxLayers = 512
)

// pullMessage is one line of the Engine's account of a pull.
type pullMessage struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	Error          string `json:"error"`
	ProgressDetail struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
}

// layer is how far one layer of an image is.
type layer struct {
	current, total int64
	done           bool
}

// pullProgress sums up a pull for those who wait for it. Slow readers see less of
// it and hold nobody up.
type pullProgress struct {
	ref    string
	layers map[string]*layer // of the reader alone

	mu      sync.Mutex
	message string
	percent int
	changed chan struct{} // closed at the next change
}

func newPullProgress(ref string) *pullProgress {
	return &pullProgress{ref: ref, layers: map[string]*layer{}, message: "pulling " + ref, percent: -1,
		changed: make(chan struct{})}
}

// now returns the present state and a channel that is closed when it changes.
func (p *pullProgress) now() (message string, percent int, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.message, p.percent, p.changed
}

// read follows the Engine's account to its end. The registry's error is in it.
func (p *pullProgress) read(messages io.Reader) error {
	decoder := json.NewDecoder(messages)
	var told time.Time
	for {
		var message pullMessage
		err := decoder.Decode(&message)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the account of the pull: %w", err)
		case message.Error != "":
			return errors.New(message.Error)
		}
		if p.note(message) && time.Since(told) >= progressPause {
			told = time.Now()
			p.tell()
		}
	}
}

// note keeps what a message says about a layer and reports whether it did.
func (p *pullProgress) note(message pullMessage) bool {
	l := p.layers[message.ID]
	switch message.Status {
	case "Pulling fs layer", "Waiting", "Downloading", "Already exists", "Download complete", "Pull complete":
	default:
		return false
	}
	if l == nil {
		if message.ID == "" || len(p.layers) >= maxLayers {
			return false
		}
		l = &layer{}
		p.layers[message.ID] = l
	}
	switch message.Status {
	case "Downloading":
		l.current, l.total = message.ProgressDetail.Current, max(l.total, message.ProgressDetail.Total)
	case "Download complete":
		l.current = l.total
	case "Already exists", "Pull complete":
		l.current, l.done = l.total, true
	}
	return true
}

// tell makes the sum known.
func (p *pullProgress) tell() {
	var current, total int64
	done := 0
	for _, l := range p.layers {
		current, total = current+l.current, total+l.total
		if l.done {
			done++
		}
	}
	message, percent := fmt.Sprintf("pulling %s: %d of %d layers", p.ref, done, len(p.layers)), -1
	if total > 0 {
		message += fmt.Sprintf(", %.1f of %.1f MB", float64(current)/1e6, float64(total)/1e6)
		percent = int(100 * current / total)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.message, p.percent = message, percent
	close(p.changed)
	p.changed = make(chan struct{})
}
