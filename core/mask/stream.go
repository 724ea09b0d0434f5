package mask

// Bounds.
const (
	// maxPiece is the most data of one Piece in bytes.
	maxPiece = 56 << 10
	// maxHeld is the most that a stream holds back: only text that is one secret
	// overlapping the next for ever comes there.
	maxHeld = 1 << 20
)

// Piece is a part of a stream that may be shown.
type Piece struct {
	// Offset is the place in the stream, Span how many of its bytes Data stands for.
	// They are as many as Data has when nothing in it was masked.
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
	runs   []run  // within what is held back, in order, not overlapping
	out    []byte // of the pieces in which something was masked
}

// Stream begins in the middle of a stream, at an offset where a Piece has ended, or
// at its beginning.
func (s *Set) Stream(offset int64) *Stream { return &Stream{set: s, offset: offset} }

// Pending is how many bytes are held back: no more than the longest form of a secret,
// unless secrets overlap each other.
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
	// What the automaton has read of a pattern may become one, and so may a secret
	// that has been found become a part of a longer one.
	until := end - int64(s.set.automaton.states[s.state].depth)
	for i := len(s.runs) - 1; i >= 0 && s.runs[i].end > until; i-- {
		until = min(until, s.runs[i].start)
	}
	if end-until > maxHeld {
		until, s.state = end, 0
	}
	return s.release(source, until)
}

// Flush returns the rest, at the end of the stream.
func (s *Stream) Flush() []Piece {
	s.state = 0
	return s.release(s.held, s.Next())
}

// find goes over new data and notes which parts are secrets.
func (s *Stream) find(data []byte) {
	a := s.set.automaton
	base := s.Next()
	at := s.state
	for i := 0; i < len(data); i++ {
		if at == 0 {
			i = a.skip(data, i)
		}
		at = a.step(at, data[i])
		if length := a.states[at].match; length > 0 {
			end := base + int64(i) + 1
			s.note(run{end - int64(length), end})
		}
	}
	s.state = at
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
	ready := 0
	for ready < len(s.runs) && s.runs[ready].end <= until {
		ready++
	}
	passed, rest := source[:until-s.offset], source[until-s.offset:]
	var pieces []Piece
	if ready == 0 {
		pieces = appendPlain(nil, s.offset, passed)
	} else {
		pieces = s.replace(passed, s.runs[:ready])
	}
	s.runs = append(s.runs[:0], s.runs[ready:]...)
	if len(passed) > 0 || len(s.held) == 0 {
		// The pieces may be parts of what was held, so the rest moves elsewhere.
		s.held = append([]byte(nil), rest...)
	}
	s.offset = until
	return pieces
}

// replace puts passed, whose first byte is at s.offset, into pieces with its runs
// replaced. A piece never ends within a run: whoever goes on there finds the same.
func (s *Stream) replace(passed []byte, runs []run) []Piece {
	// All pieces are in one buffer, which must not move while they are made.
	if need := len(passed) + len(runs)*len(replacement); cap(s.out) < need {
		s.out = make([]byte, 0, need)
	}
	s.out = s.out[:0]
	var pieces []Piece
	first, begin := s.offset, 0 // of the piece that is being made
	cut := func(at int64) {
		if at > first {
			pieces = append(pieces, Piece{Offset: first, Span: at - first, Data: s.out[begin:len(s.out):len(s.out)]})
		}
		first, begin = at, len(s.out)
	}
	at := s.offset
	plain := func(to int64) {
		for at < to {
			if len(s.out)-begin == maxPiece {
				cut(at)
			}
			n := min(to-at, int64(maxPiece-(len(s.out)-begin)))
			s.out = append(s.out, passed[at-s.offset:][:n]...)
			at += n
		}
	}
	for _, r := range runs {
		plain(r.start)
		if len(s.out)-begin+len(replacement) > maxPiece {
			cut(at)
		}
		s.out = append(s.out, replacement...)
		at = r.end
	}
	plain(s.offset + int64(len(passed)))
	cut(at)
	return pieces
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
