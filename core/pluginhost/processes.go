package pluginhost

import (
	"slices"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// tally counts what became of the processes of one name.
type tally struct{ launches, failures, crashes int64 }

// Processes says how the processes of the connectors stand that were looked for since
// the host began, by name. It launches nothing, reads no files, and does not wait.
func (h *Host) Processes() []core.ConnectorProcess {
	h.mu.Lock()
	defer h.mu.Unlock()
	users := map[string]int{}
	for p := range h.live {
		users[p.name] += p.users
	}
	list := make([]core.ConnectorProcess, 0, len(h.slots))
	for name, s := range h.slots {
		if s.described == nil && s.tally == (tally{}) {
			continue // a name that nothing was found for
		}
		broken := s.broken != nil
		if s.current == nil && !broken {
			_, err := s.crashes.admit(name, s.crashes.identity, time.Now(), h.limits)
			broken = err != nil
		}
		list = append(list, core.ConnectorProcess{Name: name, Up: s.current != nil, Broken: broken, Users: users[name],
			Launches: s.tally.launches, Failures: s.tally.failures, Crashes: s.tally.crashes})
	}
	slices.SortFunc(list, func(a, b core.ConnectorProcess) int { return strings.Compare(a.Name, b.Name) })
	return list
}
