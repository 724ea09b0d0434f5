package certificate

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An authority that says where an order is only when it is made.
func TestOrdersAreFoundAgain(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	const order = `{"status":"pending","finalize":"%s/finalize"}`
	mux.HandleFunc("/new", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", server.URL+"/order/1")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, order, server.URL)
	})
	mux.HandleFunc("/finalize", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"processing"}`) })
	client := &http.Client{Transport: &orders{next: http.DefaultTransport, at: map[string]string{}}}
	for path, want := range map[string]string{"/new": fmt.Sprintf(order, server.URL), "/finalize": `{"status":"processing"}`} {
		response, err := client.Post(server.URL+"/new", "application/jose+json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response, err = client.Post(server.URL+path, "application/jose+json", strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(body) != want || response.Header.Get("Location") != server.URL+"/order/1" {
			t.Errorf("%s: %v, %s, %v", path, err, body, response.Header)
		}
	}
}
