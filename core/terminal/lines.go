package terminal

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// maxPartial is how long a line may get before it is shown without its end.
const maxPartial = 64 << 10

// OpenLog implements core.LogOpener: the log of a run in a terminal is the screen.
func (r *Renderer) OpenLog(context.Context, string) (core.LogWriter, error) { return &screen{r}, nil }

// screen is a core.LogWriter that shows what it is given and keeps the offsets.
type screen struct{ r *Renderer }

// Offsets implements core.LogWriter.
func (s *screen) Offsets(step, attempt int) core.LogOffsets {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return s.r.view(step).offsets[attempt]
}

// StatusVersion implements core.LogWriter: a run in a terminal is never resumed.
func (s *screen) StatusVersion(int) int64 { return 0 }

// Append implements core.LogWriter.
func (s *screen) Append(record core.LogRecord) error {
	if record.Stream == core.StreamStatus {
		return nil // the screen is told by the engine itself
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	v := s.r.view(record.Step)
	if record.Stream != core.StreamSystem {
		fresh, err := v.advance(record)
		if err != nil || len(fresh) == 0 {
			return err
		}
		record.Data = fresh
	}
	s.r.show(v, record)
	return nil
}

// Seal implements core.LogWriter.
func (s *screen) Seal() error { return nil }

// Close implements core.LogWriter.
func (s *screen) Close() error { return nil }

// advance moves an attempt's offset and returns the part of the record that is new.
func (v *stepView) advance(record core.LogRecord) ([]byte, error) {
	offsets := v.offsets[record.Attempt]
	at := &offsets.Stdout
	if record.Stream == core.StreamStderr {
		at = &offsets.Stderr
	}
	if record.Offset > *at {
		return nil, fmt.Errorf("a gap in %s: %d bytes are there, the next begin at %d", record.Stream, *at, record.Offset)
	}
	if record.Span > 0 && record.Offset == *at {
		*at += record.Span
		v.offsets[record.Attempt] = offsets
		return record.Data, nil
	}
	known := min(*at-record.Offset, int64(len(record.Data)))
	*at += int64(len(record.Data)) - known
	v.offsets[record.Attempt] = offsets
	return record.Data[known:], nil
}

// show writes the whole lines there are and keeps the rest for later.
func (r *Renderer) show(v *stepView, record core.LogRecord) {
	data := append(v.partial[record.Stream], record.Data...)
	end := bytes.LastIndexByte(data, '\n') + 1
	if len(data)-end > maxPartial {
		end = len(data)
	}
	if end > 0 {
		r.write(v, record.Stream, data[:end])
	}
	v.partial[record.Stream] = append([]byte(nil), data[end:]...)
}

// flush shows lines that never got their ends.
func (r *Renderer) flush(v *stepView) {
	for _, stream := range []core.LogStream{core.StreamStdout, core.StreamStderr, core.StreamSystem} {
		if rest := v.partial[stream]; len(rest) > 0 {
			r.write(v, stream, rest)
			v.partial[stream] = nil
		}
	}
}

// write puts lines on the screen, each behind its step's prefix.
func (r *Renderer) write(v *stepView, stream core.LogStream, lines []byte) {
	r.eraseStatus()
	prefix := r.prefix(v)
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(string(lines), "\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if at := strings.LastIndexByte(line, '\r'); at >= 0 {
			line = line[at+1:] // a progress bar: its last state
		}
		b.WriteString(prefix)
		switch {
		case stream == core.StreamSystem:
			b.WriteString(r.paint(dim, "• "+line))
		default:
			b.WriteString(line)
		}
		b.WriteByte('\n')
	}
	// The screen's own trouble is nobody's to mend here.
	_, _ = r.out.Write([]byte(b.String()))
}

func (r *Renderer) prefix(v *stepView) string {
	if v.label == "" {
		return ""
	}
	if v.colour == "" {
		v.colour = colourOf(v.label)
	}
	return r.paint(v.colour, v.label+" | ")
}
