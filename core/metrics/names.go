package metrics

import "sync"

// maxConnectors is how many connectors have time series of their own; all others
// count together as "other".
const maxConnectors = 100

// names bounds the values of a label that somebody else chooses.
type names struct {
	mu    sync.Mutex
	known map[string]bool
}

func (n *names) of(name string) string {
	if name == "" {
		return "none"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.known[name]:
		return name
	case len(n.known) >= maxConnectors:
		return "other"
	case n.known == nil:
		n.known = map[string]bool{}
	}
	n.known[name] = true
	return name
}
