package main

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// mark is a place in a log: the beginning of a line.
type mark struct {
	// Time is the line's, and Index how many lines before it have the same.
	Time  time.Time `json:"time"`
	Index int       `json:"index,omitempty"`
	// Offset is where the line begins in the output.
	Offset int64 `json:"offset"`
}

// maxStamp is longer than any time stamp of a log (RFC 3339).
const maxStamp = 64

// lostLines is said in place of output that the node has thrown away.
const lostLines = "[patchbay: some of the output is missing here: the node had thrown it away]\n"

// logText takes a log as Kubernetes sends it, each line with its time in front, and
// passes on what has not been passed on before. It is read several times: resume is
// called before each.
type logText struct {
	mu sync.Mutex
	to io.Writer
	// position is where to has come to; output before it is not passed on again.
	position int64
	err      error // the host's
	lost     bool  // it has been said that there is no log any more

	line    mark // the one that is being read, or was last
	started bool // there was one
	stamp   []byte
	inLine  bool // the stamp of the line has been read
	none    bool // what is being read is no log
	offset  int64
	// seeking is set while lines are passed over that came before line; target is it.
	seeking bool
	target  mark
	index   int
}

// output is where a log goes: it counts from the output's first byte.
type output interface {
	io.Writer
	// SkipStored moves to the first byte that the host does not have.
	SkipStored() int64
}

// newLogText begins at the last of the places before what the host has, or at the
// beginning.
func newLogText(to output, marks []mark) *logText {
	t := &logText{to: to, position: to.SkipStored()}
	for _, m := range marks {
		if m.Offset <= t.position {
			t.line, t.started = m, true
		}
	}
	return t
}

// resume gets ready for another reading and returns the time from which on it is
// needed; zero is the beginning.
func (t *logText) resume() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamp, t.inLine, t.none, t.index = t.stamp[:0], false, false, 0
	if !t.started {
		return time.Time{}
	}
	t.seeking, t.target = true, t.line
	return t.line.Time
}

// Write takes a piece of the log. Its error is the host's.
func (t *logText) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := len(p)
	for len(p) > 0 && t.err == nil && !t.none {
		if !t.inLine {
			p = t.takeStamp(p)
			continue
		}
		end := bytes.IndexByte(p, '\n') + 1
		piece := p
		if end > 0 {
			piece = p[:end]
		}
		if !t.seeking {
			t.pass(piece)
		}
		if end > 0 {
			t.inLine = false
		}
		p = p[len(piece):]
	}
	if t.err != nil {
		return 0, t.err
	}
	return taken, nil
}

// takeStamp reads the time at the beginning of a line, which may come in pieces.
func (t *logText) takeStamp(p []byte) []byte {
	space := bytes.IndexByte(p, ' ')
	if space < 0 {
		if t.stamp = append(t.stamp, p...); len(t.stamp) > maxStamp {
			return t.noLog()
		}
		return nil
	}
	t.stamp = append(t.stamp, p[:space]...)
	at, err := time.Parse(time.RFC3339Nano, string(t.stamp))
	if err != nil {
		return t.noLog()
	}
	t.stamp, t.inLine = t.stamp[:0], true
	t.begin(at)
	return p[space+1:]
}

// begin decides about a line: whether it is one to be passed over.
func (t *logText) begin(at time.Time) {
	if t.seeking {
		switch {
		case at.Equal(t.target.Time) && t.index == t.target.Index:
			t.seeking, t.line, t.offset = false, t.target, t.target.Offset
			return
		case at.Equal(t.target.Time):
			t.index++
			return
		case at.Sub(t.target.Time) < 2*time.Second:
			return // lines of the two streams can be a little out of order
		}
		// The line is not there any more. What follows it is new.
		t.seeking, t.offset = false, t.position
		t.pass([]byte(lostLines))
	}
	next := mark{Time: at, Offset: t.offset}
	if t.started && at.Equal(t.line.Time) {
		next.Index = t.line.Index + 1
	}
	t.line, t.started = next, true
}

// pass passes on the part of a piece that has not been passed on.
func (t *logText) pass(piece []byte) {
	end := t.offset + int64(len(piece))
	if end > t.position {
		fresh := piece[max(0, t.position-t.offset):]
		var n int
		n, t.err = t.to.Write(fresh)
		t.position += int64(n)
	}
	t.offset = end
}

func (t *logText) passed() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.position
}

func (t *logText) hostError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// mark is the last place, for a later reading by another process.
func (t *logText) mark() mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.line
}

// noLog is for what a node sends in place of a log that it has removed.
func (t *logText) noLog() []byte {
	if !t.lost {
		t.lost, t.seeking, t.offset = true, false, t.position
		t.pass([]byte(lostLines))
	}
	t.none = true
	return nil
}
