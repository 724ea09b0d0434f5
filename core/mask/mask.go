// Package mask takes secrets out of what steps print: the values themselves, their
// lines, and the forms in which programs tend to show them (base64, hexadecimal,
// URL-encoded, JSON, quoted for a shell).
//
// A stream is masked as it comes, in whatever pieces: what is held back is only what
// could still become a secret. Where a piece of the result ends, a new stream can go
// on, and gives the same: this is what makes joining a step again exact.
package mask

// replacement is what a secret becomes, whatever its length.
const replacement = "***"

// Bounds.
const (
	// maxPiece is the most data of one Piece in bytes.
	maxPiece = 56 << 10
	// maxHeld is the most that a stream holds back: only text that is one secret
	// overlapping the next for ever comes there.
	maxHeld = 1 << 20
)

// Set is what is to be masked. It never changes and is safe for concurrent use; nil
// masks nothing.
type Set struct {
	automaton *automaton
}

// New prepares a set for values and all their forms. Values that are too short, or too
// common a word, to be told from ordinary text are not masked: see Maskable.
func New(values []string) *Set {
	a := build(forms(values))
	if a == nil {
		return nil
	}
	return &Set{automaton: a}
}

// Empty reports whether nothing is masked.
func (s *Set) Empty() bool { return s == nil }

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

// Piece is a part of a stream that may be shown.
type Piece struct {
	// Offset is the place in the stream, Span how many of its bytes Data stands for.
	Offset, Span int64
	Data         []byte
}

// run is a masked part of a stream, by offsets.
type run struct{ start, end int64 }

// Stream masks one stream. It is not safe for concurrent use.
type Stream struct {
	set    *Set
	offset int64  // of the first byte that is held back
	held   []byte // what could still become a secret, or be a part of one
	state  int32
	runs   []run // within what is held back, in order, not overlapping
}

// Stream begins in the middle of a stream, at an offset where a Piece has ended, or
// at its beginning.
func (s *Set) Stream(offset int64) *Stream { return &Stream{set: s, offset: offset} }

// Pending is how many bytes are held back.
func (s *Stream) Pending() int { return len(s.held) }

// Next is the offset of the byte that Write takes next.
func (s *Stream) Next() int64 { return s.offset + int64(len(s.held)) }

// Write returns what may be shown now, in order and without gaps. The pieces are
// valid until the next call, and as long as data is not changed.
func (s *Stream) Write(data []byte) []Piece {
	if s.set == nil {
		pieces := appendPlain(nil, s.offset, data)
		s.offset += int64(len(data))
		return pieces
	}
	s.find(data)
	source := data
	if len(s.held) > 0 {
		s.held = append(s.held, data...)
		source = s.held
	}
	end := s.offset + int64(len(source))
	until := end - int64(s.set.automaton.depth[s.state])
	for _, r := range s.runs {
		if r.end > until {
			until = min(until, r.start)
			break
		}
	}
	if end-until > maxHeld {
		until, s.state = end, 0
	}
	return s.release(source, until)
}

// Flush returns the rest, at the end of the stream.
func (s *Stream) Flush() []Piece {
	s.state = 0
	return s.release(s.held, s.offset+int64(len(s.held)))
}

// find goes over new data and notes which parts are secrets.
func (s *Stream) find(data []byte) {
	a := s.set.automaton
	base := s.offset + int64(len(s.held))
	state := s.state
	for i := 0; i < len(data); i++ {
		if state == 0 {
			// Most of what is printed is far from any secret.
			for i < len(data) && !a.begins[data[i]] {
				i++
			}
			if i == len(data) {
				break
			}
		}
		state = a.next[int(state)*a.classes+int(a.class[data[i]])]
		if length := a.match[state]; length > 0 {
			end := base + int64(i) + 1
			s.note(run{end - int64(length), end})
		}
	}
	s.state = state
}

// note adds a found secret; one that overlaps others becomes one with them.
func (s *Stream) note(found run) {
	for len(s.runs) > 0 && s.runs[len(s.runs)-1].end > found.start {
		found.start = min(found.start, s.runs[len(s.runs)-1].start)
		s.runs = s.runs[:len(s.runs)-1]
	}
	s.runs = append(s.runs, found)
}

// release gives out what comes before an offset, and holds back the rest of source,
// whose first byte is at s.offset.
func (s *Stream) release(source []byte, until int64) []Piece {
	pieces := s.pieces(source, until)
	rest := source[until-s.offset:]
	if len(s.held) > 0 && len(pieces) > 0 {
		// The pieces are parts of what was held: the rest moves elsewhere.
		s.held = append([]byte(nil), rest...)
	} else if len(s.held) == 0 {
		s.held = append(s.held, rest...)
	}
	s.offset = until
	return pieces
}

func (s *Stream) pieces(source []byte, until int64) []Piece {
	var pieces []Piece
	at := s.offset
	first := s.offset
	part := func(to int64) []byte { return source[at-first : to-first] }
	for len(s.runs) > 0 && s.runs[0].end <= until {
		r := s.runs[0]
		s.runs = s.runs[1:]
		pieces = appendPlain(pieces, at, part(r.start))
		pieces = append(pieces, Piece{Offset: r.start, Span: r.end - r.start, Data: []byte(replacement)})
		at = r.end
	}
	return appendPlain(pieces, at, part(until))
}

// appendPlain adds data that stands for itself, in pieces that are not too long.
func appendPlain(pieces []Piece, offset int64, data []byte) []Piece {
	for len(data) > 0 {
		n := min(len(data), maxPiece)
		pieces = append(pieces, Piece{Offset: offset, Span: int64(n), Data: data[:n]})
		offset, data = offset+int64(n), data[n:]
	}
	return pieces
}
