package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/sdktest"
)

// readmeSignature is what README.md shows for its example.
const readmeSignature = "2ce3a6cb65109f93e0a547fb732869b6e7d9ebe700a8165492a355f6ac53c77a"

// TestConformance sends to a receiver that verifies as ParseWebhook does.
func TestConformance(t *testing.T) {
	t.Parallel()
	reader := newConnector()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		headers := map[string]string{}
		for name, values := range r.Header {
			headers[strings.ToLower(name)] = values[0]
		}
		got, err := reader.ParseWebhook(r.Context(), sdk.WebhookRequest{Headers: headers, Body: body, Secret: secret})
		if err != nil || got.Event != "deployed" || got.DeliveryID != headers[deliveryHeader] || got.Occurred.Branch != "main" {
			t.Errorf("%v, %+v", err, got)
		}
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	send := func(path string) json.RawMessage {
		data, err := json.Marshal(map[string]any{"url": receiver.URL + path, "event": "deployed", "body": map[string]string{"branch": "main"}})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	sdktest.Run(t, newConnector(),
		sdktest.Case{Name: "taken", Config: send("/"), Secrets: map[string]string{secretName: secret},
			Expect: sdktest.Expectation{Stdout: sdktest.Text("answered 200 OK\n"), Outputs: map[string]string{"status": "200"}}},
		sdktest.Case{Name: "refused", Config: send("/broken"), Secrets: map[string]string{secretName: secret},
			Expect: sdktest.Expectation{Outcome: sdk.OutcomeFailed, Stdout: sdktest.Text("answered 500 Internal Server Error\n")}})
}
