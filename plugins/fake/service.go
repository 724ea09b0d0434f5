package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// serviceEnv makes this program an instance of a service; what it is to do comes on its
// standard input.
const (
	serviceEnv  = "PATCHBAY_FAKE_SERVICE"
	serviceName = "patchbay-fake-service"
)

type serviceOrder struct {
	Folder   string
	Instance sdk.Instance
	Secrets  map[string]string
}

// serveInstance is the process of an instance. It does not return.
func serveInstance() {
	var order serviceOrder
	var b behaviour
	err := json.NewDecoder(os.Stdin).Decode(&order)
	if err == nil {
		err = json.Unmarshal(order.Instance.Spec, &b)
	}
	if err == nil {
		err = order.begin(b)
	}
	if err != nil {
		fmt.Printf("%v ", err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	fmt.Fprintln(os.Stderr, b.Says)
	fmt.Println("ready")
	_ = os.Stdout.Close()
	var death <-chan time.Time
	if starts, err := os.Stat(filepath.Join(order.Folder, startsFile)); b.DiesAfterMS > 0 && err == nil && (b.Lives == 0 || starts.Size() <= int64(b.Lives)) {
		death = time.After(time.Duration(b.DiesAfterMS) * time.Millisecond)
	}
	code := 0
	select {
	case <-death:
		code = b.ExitCode
	case <-stop:
		time.Sleep(time.Duration(b.SlowStopMS) * time.Millisecond)
	}
	_ = os.WriteFile(filepath.Join(order.Folder, exitFile), []byte(strconv.Itoa(code)), 0o600)
	os.Exit(code)
}

// begin takes the lock, which the end of the process gives back, and listens.
func (o serviceOrder) begin(b behaviour) error {
	lock, err := os.OpenFile(filepath.Join(o.Folder, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	// Not closed, and not collected: it is in the handler below.
	if err := os.WriteFile(filepath.Join(o.Folder, pidFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	handler := http.NewServeMux()
	handler.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if b.Unhealthy {
			http.Error(w, "not well", http.StatusServiceUnavailable)
		}
	})
	handler.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s %s %d\n", o.Instance.Version, o.Instance.ID, lock.Fd())
	})
	handler.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("name")
		fmt.Fprint(w, o.Instance.Environment[name]+o.Secrets[name])
	})
	for _, port := range o.Instance.Ports {
		listener, err := net.Listen("tcp", net.JoinHostPort(port.Address, strconv.Itoa(port.Port)))
		if err != nil {
			return err
		}
		go func() { _ = (&http.Server{Handler: handler, ReadHeaderTimeout: time.Second}).Serve(listener) }()
	}
	return nil
}
