package webhook

import (
	"context"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// defaultConnector reads what no connector knows as its own.
const defaultConnector = "webhook"

// sendersAge is how long it is believed which connectors there are.
const sendersAge = 2 * time.Second

// senders knows the connectors that read deliveries, by name and by header. It is safe
// for concurrent use.
type senders struct {
	mu       sync.Mutex
	at       time.Time
	byName   map[string]bool
	byHeader map[string]string
}

// refresh asks which connectors there are, unless that was asked just now.
func (s *senders) refresh(ctx context.Context, connectors Connectors) (byName map[string]bool, byHeader map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) < sendersAge {
		return s.byName, s.byHeader
	}
	byName, byHeader = map[string]bool{}, map[string]string{}
	for _, info := range connectors.Connectors(ctx) {
		if info.Webhook == nil {
			continue
		}
		byName[info.Name] = true
		for _, header := range info.Webhook.Headers {
			byHeader[header] = info.Name
		}
	}
	if ctx.Err() == nil { // otherwise some may be missing
		s.byName, s.byHeader, s.at = byName, byHeader, time.Now()
	}
	return byName, byHeader
}

// senderOf returns the connector that knows a delivery by its headers, "" for none.
func (s *Service) senderOf(ctx context.Context, headers map[string]string) string {
	_, byHeader := s.senders.refresh(ctx, s.Connectors)
	best := ""
	for header := range headers {
		// Of several, one that is the same each time.
		if name := byHeader[header]; name != "" && (best == "" || name < best) {
			best = name
		}
	}
	return best
}

// known returns NotFound for a connector that reads no deliveries.
func (s *Service) known(ctx context.Context, connector string) error {
	byName, _ := s.senders.refresh(ctx, s.Connectors)
	if byName[connector] {
		return nil
	}
	e := core.NotFound("connector that reads deliveries", connector)
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	if near := core.Nearest(connector, names); near != "" {
		e.Suggestions = []string{"did you mean " + near + "?"}
	}
	return e
}
