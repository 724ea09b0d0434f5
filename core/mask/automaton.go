package mask

// maxStates bounds an automaton: the bytes of all forms together. Beyond it, forms are
// left out, the least likely first.
const maxStates = 1 << 16

// automaton finds any of many patterns in one pass (Aho and Corasick, 1975). Bytes
// that no pattern has are one class, so that a row of the table is short.
type automaton struct {
	class   [256]uint16
	begins  [256]bool // bytes that a pattern begins with
	classes int
	next    []int32 // by state and class
	match   []int32 // by state: the length of the longest pattern that ends there
	depth   []int32 // by state: how much of some pattern has been read
}

// build returns nil when there is nothing to find. Patterns come in the order of
// their importance.
func build(patterns []string) *automaton {
	size, kept := 1, 0
	for _, p := range patterns {
		if size+len(p) > maxStates {
			break
		}
		size, kept = size+len(p), kept+1
	}
	patterns = patterns[:kept]
	if kept == 0 {
		return nil
	}
	a := &automaton{classes: 1}
	for _, p := range patterns {
		a.begins[p[0]] = true
		for i := range len(p) {
			if a.class[p[i]] == 0 {
				a.class[p[i]] = uint16(a.classes)
				a.classes++
			}
		}
	}
	a.insert(patterns)
	a.link()
	return a
}

func (a *automaton) addState(depth int32) int32 {
	a.next = append(a.next, make([]int32, a.classes)...)
	a.match = append(a.match, 0)
	a.depth = append(a.depth, depth)
	return int32(len(a.depth) - 1)
}

func (a *automaton) insert(patterns []string) {
	a.addState(0)
	for _, p := range patterns {
		state := int32(0)
		for i := range len(p) {
			edge := int(state)*a.classes + int(a.class[p[i]])
			if a.next[edge] == 0 {
				a.next[edge] = a.addState(int32(i) + 1)
			}
			state = a.next[edge]
		}
		a.match[state] = int32(len(p))
	}
}

// link turns the tree into an automaton: where a pattern does not go on, it goes on as
// the longest other one that the last bytes begin.
func (a *automaton) link() {
	fail := make([]int32, len(a.depth))
	var queue []int32
	for c := range a.classes {
		if state := a.next[c]; state != 0 {
			queue = append(queue, state)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		a.match[state] = max(a.match[state], a.match[fail[state]])
		for c := range a.classes {
			edge := int(state)*a.classes + c
			instead := a.next[int(fail[state])*a.classes+c]
			if child := a.next[edge]; child != 0 {
				fail[child] = instead
				queue = append(queue, child)
			} else {
				a.next[edge] = instead
			}
		}
	}
}
