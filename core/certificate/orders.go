package certificate

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// maxOrder bounds what is read of an authority's answer about an order.
const maxOrder = 1 << 20

// maxOrders is how many orders are remembered; there is one a name in two months.
const maxOrders = 64

// orders makes up for authorities that answer a finalized order without the header
// Location: RFC 8555 does not ask for it, and golang.org/x/crypto/acme relies on it
// when the certificate takes a moment. Where an order is was said when it was made.
type orders struct {
	next http.RoundTripper

	mu sync.Mutex
	at map[string]string // addresses of orders, by those that finalize them
}

// RoundTrip implements http.RoundTripper.
func (o *orders) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(request)
	if err != nil || request.Method != http.MethodPost {
		return response, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if place := o.at[request.URL.String()]; place != "" && response.Header.Get("Location") == "" {
		response.Header.Set("Location", place)
	}
	if place := response.Header.Get("Location"); place != "" && response.StatusCode == http.StatusCreated {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxOrder))
		_ = response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(body))
		var made struct {
			Finalize string `json:"finalize"`
		}
		if err == nil && json.Unmarshal(body, &made) == nil && made.Finalize != "" {
			if len(o.at) >= maxOrders {
				clear(o.at)
			}
			o.at[made.Finalize] = place
		}
	}
	return response, nil
}
