package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve puts a handler behind the server that the program uses, on a real socket, with
// little patience.
func serve(t *testing.T, handler http.Handler, h2c bool) (server *http.Server, address string) {
	t.Helper()
	server = NewServer("", handler, h2c)
	server.ReadHeaderTimeout, server.ReadTimeout, server.IdleTimeout = 200*time.Millisecond, 400*time.Millisecond, time.Second
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return server, listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Clients who send their header or their body byte by byte, or nothing, are sent away,
// and others are served meanwhile (the Slowloris attack).
func TestSlowClients(t *testing.T) {
	t.Parallel()
	b := newBench(t, full(t))
	_, address := serve(t, b.server.Config.Handler, false)
	body := "POST /api/ci/pipelines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/yaml\r\nContent-Length: 100000\r\n\r\n"
	upload := "POST /api/ci/pipelines/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\n\r\nname: a\n"
	for name, begin := range map[string]string{"no request": "", "half a header": "GET /api/healthchecker HTTP/1.1\r\nX-A: ", "half a body": body, "half an upload": upload} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conns := make([]net.Conn, 20)
			for i := range conns {
				conns[i] = dial(t, address)
				if _, err := io.WriteString(conns[i], begin); err != nil {
					t.Fatal(err)
				}
				go func() { // until the server has enough
					for {
						if _, err := io.WriteString(conns[i], "a"); err != nil {
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				}()
			}
			response, err := http.Get("http://" + address + "/api/healthchecker")
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("another client: %v, %v", response, err)
			}
			_ = response.Body.Close()
			for _, conn := range conns {
				// What is said before the end, if anything, is that the request was not good.
				said, err := io.ReadAll(conn)
				var waited net.Error
				if errors.As(err, &waited) && waited.Timeout() {
					t.Fatal("the server has waited for half a minute")
				}
				if len(said) > 0 && !strings.HasPrefix(string(said), "HTTP/1.1 4") {
					t.Errorf("%.600s", said)
				}
			}
		})
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, h2c := range []bool{true, false} {
		_, address := serve(t, b.server.Config.Handler, h2c)
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		response, err := (&http.Client{Transport: transport}).Get("http://" + address + "/api/healthchecker")
		if h2c != (err == nil) {
			t.Fatalf("h2c %v: %v", h2c, err)
		}
		if err == nil {
			_ = response.Body.Close()
			if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
				t.Errorf("%s %s", response.Proto, response.Status)
			}
		}
		plain, err := http.Get("http://" + address + "/api/healthchecker")
		if err != nil || plain.ProtoMajor != 1 {
			t.Fatalf("HTTP/1.1: %v, %v", plain, err)
		}
		_ = plain.Body.Close()
	}
}

// A server that stops answers what it has accepted, and takes nothing new.
func TestShutdownFinishesWhatItAccepted(t *testing.T) {
	t.Parallel()
	d := &slowDoor{entered: make(chan struct{}), open: make(chan struct{})}
	b := newBench(t, func(h *handlers) { d.Triggerer, h.Trigger = h.Trigger, d })
	pipeline := b.create()
	server, address := serve(t, b.server.Config.Handler, false)
	conn := dial(t, address)
	fmt.Fprintf(conn, "POST /api/ci/pipelines/%s/trigger HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n", pipeline, token)
	<-d.entered
	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(context.WithoutCancel(t.Context())) }()
	for { // until the listener is closed
		late, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			break
		}
		_ = late.Close()
	}
	close(d.open)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatalf("%v, %v", response, err)
	}
	_ = response.Body.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if list := decoded[[]Execution](t, b.do("GET", "/api/ci/executions", "", "")); len(list) != 1 {
		t.Errorf("%d executions", len(list))
	}
}
