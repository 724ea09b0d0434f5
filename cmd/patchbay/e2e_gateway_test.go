package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// keyed triggers a pipeline under a key and returns the execution's ID, or "" when the
// server is not there.
func (s *liveServer) keyed(t *testing.T, pipeline, key string) string {
	request, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/api/ci/pipelines/"+pipeline+"/trigger", nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Idempotency-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	var accepted struct {
		ID string `json:"execution_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&accepted); err != nil || response.StatusCode != http.StatusAccepted {
		return "" // cut in the middle: as if it had not come
	}
	return accepted.ID
}

// Requests with keys that are sent again after a kill run once, and those that were
// answered get the same answer.
func TestKeysSurviveAKill(t *testing.T) {
	t.Parallel()
	const many, atOnce, enough = 60, 8, 15
	data := t.TempDir()
	s := startServer(t, data)
	pipeline := s.create(write(t, "p.yaml", "name: p\nstages: [{name: s, steps: [{name: n, run: 'true'}]}]\n"))
	var mu sync.Mutex
	answered := map[string]string{}
	send := func(s *liveServer, killAfter int) {
		keys, kill := make(chan string), make(chan struct{})
		var group sync.WaitGroup
		var once sync.Once
		for range atOnce {
			group.Go(func() {
				for key := range keys {
					id := s.keyed(t, pipeline, key)
					mu.Lock()
					if before := answered[key]; id != "" && before != "" && before != id {
						t.Errorf("%s: %s, and before %s", key, id, before)
					}
					if id != "" {
						answered[key] = id
					}
					if len(answered) == killAfter {
						once.Do(func() { close(kill) })
					}
					mu.Unlock()
				}
			})
		}
		group.Go(func() {
			defer close(keys)
			for i := range many {
				keys <- fmt.Sprintf("key-%d", i)
			}
		})
		if killAfter > 0 {
			<-kill
			s.signal(syscall.SIGKILL)
		}
		group.Wait()
	}
	send(s, enough)
	s = startServer(t, data)
	send(s, 0)
	if len(answered) != many {
		t.Errorf("%d of %d were answered", len(answered), many)
	}
	var list []executionView
	if status := s.get("/api/ci/executions?limit=500", &list); status != http.StatusOK || len(list) != many {
		t.Errorf("%d: %d executions of %d keys", status, len(list), many)
	}
}

// A server with a certificate of its own is reached by who trusts it, over HTTP/2; the
// command line takes the certificate from SSL_CERT_FILE.
func TestServerWithTLS(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "config.yaml"), []byte("tls: {self_signed: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, data)
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatalf("it serves on %s", s.url)
	}
	file := filepath.Join(data, "tls", "cert.pem")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(content)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(s.url + "/api/healthchecker")
	if err != nil || response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Fatalf("%v, %v", response, err)
	}
	_ = response.Body.Close()
	login := []string{"PATCHBAY_URL=" + s.url, "PATCHBAY_TOKEN=" + s.token}
	if o := patchbayWith(t, append(login, "SSL_CERT_FILE="+file), "pipeline", "list"); o.code != 0 {
		t.Errorf("%+v", o)
	}
	if o := patchbayWith(t, login, "pipeline", "list"); o.code == 0 || !strings.Contains(o.stderr, "certificate") {
		t.Errorf("without trust: %+v", o)
	}
}

// An upload that is half there when the server is killed leaves nothing.
func TestUploadsAreSwept(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	left := filepath.Join(data, "uploads", "patchbay-upload-1")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	startServer(t, data)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
