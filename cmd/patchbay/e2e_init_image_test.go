package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The Dockerfiles that init writes are built on a real engine. No registry is asked:
// where they begin, images stand that are made here, of the toolchain and the shell of
// this machine.

// docker runs the client to its end, and returns its output.
func docker(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // not the test's: it cleans up, too
	defer cancel()
	command := exec.CommandContext(ctx, "docker", args...)
	command.Env = append(os.Environ(), "DOCKER_HOST="+os.Getenv("PATCHBAY_TEST_DOCKER"))
	command.Stdin = bytes.NewReader(stdin)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// engineImage is the image of scripts/testbed, with a shell.
func engineImage(t *testing.T) string {
	t.Helper()
	needDocker(t)
	image := os.Getenv("PATCHBAY_TEST_IMAGE")
	if image == "" {
		t.Fatal("PATCHBAY_TEST_IMAGE is not set; scripts/test sets it")
	}
	return image
}

// toolchainImage has the Go toolchain that runs this test; it is kept for other runs.
func toolchainImage(t *testing.T, shell string) string {
	t.Helper()
	name := "patchbay-test/" + strings.ToLower(strings.Fields(runtime.Version())[0])
	if strings.Contains(docker(t, nil, "images", "--quiet", name+":local"), "\n") {
		return name + ":local"
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "go.tar")
	pack := exec.CommandContext(t.Context(), "tar", "-C", strings.TrimSpace(string(root)), "--exclude=*_test.go", "--exclude=testdata",
		"--exclude=./src/cmd", "--exclude=./pkg/obj", "-cf", archive, "./bin/go", "./pkg", "./src", "./go.env", "./VERSION")
	if output, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	docker(t, nil, "import", archive, name+":files")
	t.Cleanup(func() { docker(t, nil, "image", "rm", name+":files") })
	docker(t, []byte("FROM "+shell+"\nCOPY --from="+name+":files / /usr/local/go\nENV PATH=/usr/local/go/bin:/usr/bin:/bin GOTOOLCHAIN=local\n"),
		"build", "--tag", name+":local", "-")
	return name + ":local"
}

// buildImage lets init write a Dockerfile, puts images of this machine for those of
// registries, and builds it.
func buildImage(t *testing.T, dir, tag string, from ...string) {
	t.Helper()
	if o := patchbay(t, "init", dir); o.code != 0 {
		t.Fatalf("init: %s", o.stderr)
	}
	file := filepath.Join(dir, "Dockerfile")
	text := contentOf(t, file)
	for i := 0; i < len(from); i += 2 {
		if !strings.Contains(text, "FROM "+from[i]) {
			t.Fatalf("not from %s:\n%s", from[i], text)
		}
		text = strings.Replace(text, "FROM "+from[i], "FROM "+from[i+1], 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	docker(t, nil, "build", "--network", "none", "--tag", tag, dir)
	t.Cleanup(func() { docker(t, nil, "image", "rm", "--force", tag) })
}

func TestInitImageOfAGoProgram(t *testing.T) {
	t.Parallel()
	shell := engineImage(t)
	dir := folderOf(t, map[string]string{"go.mod": "module example.com/hello\n\ngo 1.26\n", ".env": "SECRET=x",
		"cmd/hello/main.go": "package main\n\nimport \"os\"\n\nfunc main() { println(\"I am\", os.Getuid()) }\n"})
	tag := "patchbay-test/init-go:" + filepath.Base(dir)
	buildImage(t, dir, tag, "golang:1.26-alpine", toolchainImage(t, shell), "gcr.io/distroless/static-debian12:nonroot", "scratch")
	if got := docker(t, nil, "run", "--rm", "--network", "none", tag); got != "I am 65532\n" {
		t.Errorf("it says %q", got)
	}
}

func TestInitImageOfASite(t *testing.T) {
	t.Parallel()
	shell := engineImage(t)
	dir := folderOf(t, map[string]string{"index.html": "<h1>up</h1>", "css/a.css": "a{}", ".env": "SECRET=x", ".git/config": "x"})
	tag := "patchbay-test/init-site:" + filepath.Base(dir)
	buildImage(t, dir, tag, "nginxinc/nginx-unprivileged:1-alpine", shell)
	got := docker(t, nil, "run", "--rm", "--network", "none", tag, "sh", "-c", "id -u; cd /usr/share/nginx/html; cat index.html; echo; find . -type f | sort")
	if want := "101\n<h1>up</h1>\n./css/a.css\n./index.html\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
