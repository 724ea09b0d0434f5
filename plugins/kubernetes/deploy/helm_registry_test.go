package deploy

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/registry"
)

// TestHelmRegistry fetches a chart from a registry: the distribution project's own.
func TestHelmRegistry(t *testing.T) {
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("docker-registry is not installed")
	}
	b := newBench(t)
	b.chart("charts/shop")
	address := startRegistry(t, program)
	file := filepath.Join(b.workspace, "shop.tgz")
	if out, err := exec.Command("tar", "-C", filepath.Join(b.workspace, "charts"), "-czf", file, "shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	client, err := registry.NewClient(registry.ClientOptPlainHTTP(), registry.ClientOptCredentialsFile(filepath.Join(t.TempDir(), "none.json")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Push(packed, address+"/charts/shop:1.2.3"); err != nil {
		t.Fatal(err)
	}
	config := map[string]any{"helm_chart": "oci://" + address + "/charts/shop", "version": "1.2.3", "plain_http": true}
	contains(t, b.succeeds("helm", config), "shop 1.2.3, revision 1")
	config["version"] = "9.9.9"
	contains(t, b.run("helm", config).text(), "fetch the chart oci://")
}

// startRegistry runs one until the test ends, and returns its address.
func startRegistry(t *testing.T, program string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	config := filepath.Join(t.TempDir(), "config.yml")
	content := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %s}\n", t.TempDir(), address)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "serve", config)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/v2/")
		if err == nil {
			response.Body.Close()
			return address
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("the registry does not answer: %v", err)
		}
	}
}
