package mask

// maxStates bounds an automaton: about the bytes of all forms together, less what they
// begin with in common. It is what all forms of one value of 64 KiB come to; a state
// takes 24 bytes.
const maxStates = 1 << 20

// automaton finds any of many patterns in one pass (Aho and Corasick, 1975). Deep in a
// pattern nearly every state has one successor, so they are lists; a table has the
// root's.
type automaton struct {
	states []state
	root   [256]int32
	// pairs has a bit for each two bytes that a pattern begins with: most of what is
	// printed is skipped by it.
	pairs [1 << 16 / 64]uint64
	// leftOut is how many patterns did not fit.
	leftOut int
}

// state is what has been read of some pattern. State 0 is the root: nothing.
type state struct {
	child   int32 // the first of its successors, 0 for none
	sibling int32 // the next successor of the same state, 0 for none
	fail    int32 // the longest other beginning of a pattern that ends here
	match   int32 // the length of the longest pattern that ends here
	depth   int32 // how many bytes have been read
	by      byte  // the byte that leads here
}

func newAutomaton() *automaton { return &automaton{states: make([]state, 1)} }

// full reports whether a pattern of a length may not fit any more.
func (a *automaton) full(length int) bool { return len(a.states)+length > maxStates }

// insert adds a pattern, of two bytes or more, if it fits. Link is due afterwards.
func (a *automaton) insert(pattern string) {
	if a.full(len(pattern)) {
		a.leftOut++
		return
	}
	pair := int(pattern[0])<<8 | int(pattern[1])
	a.pairs[pair/64] |= 1 << (pair % 64)
	at := int32(0)
	for i := range len(pattern) {
		next := a.successor(at, pattern[i])
		if next == 0 {
			next = int32(len(a.states))
			a.states = append(a.states, state{sibling: a.states[at].child, depth: int32(i) + 1, by: pattern[i]})
			a.states[at].child = next
			if at == 0 {
				a.root[pattern[i]] = next
			}
		}
		at = next
	}
	a.states[at].match = int32(len(pattern))
}

// successor is where a pattern goes on with a byte, 0 if none does.
func (a *automaton) successor(at int32, by byte) int32 {
	if at == 0 {
		return a.root[by]
	}
	next := a.states[at].child
	for next != 0 && a.states[next].by != by {
		next = a.states[next].sibling
	}
	return next
}

// step is the state after one more byte.
func (a *automaton) step(at int32, by byte) int32 {
	for {
		if next := a.successor(at, by); next != 0 || at == 0 {
			return next
		}
		at = a.states[at].fail
	}
}

// link finds, the short ones first, where each state goes on when its pattern does not.
func (a *automaton) link() {
	queue := make([]int32, 0, len(a.states))
	queue = append(queue, 0)
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for next := a.states[at].child; next != 0; next = a.states[next].sibling {
			queue = append(queue, next)
			s := &a.states[next]
			if at != 0 {
				s.fail = a.step(a.states[at].fail, s.by)
			}
			s.match = max(s.match, a.states[s.fail].match)
		}
	}
}

// skip returns the first place from i on where a pattern may begin, as far as it can
// be told: the last byte is always one.
func (a *automaton) skip(data []byte, i int) int {
	for ; i+1 < len(data); i++ {
		pair := int(data[i])<<8 | int(data[i+1])
		if a.pairs[pair/64]&(1<<(pair%64)) != 0 {
			break
		}
	}
	return i
}
