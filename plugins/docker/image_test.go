package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/image"
)

// makeImage lets one test of this process make the image.
var makeImage sync.Mutex

// testImage returns an image with a shell, which it makes if scripts/testbed has
// not: a static busybox from Debian's package, with a link for each applet.
func testImage(t *testing.T, e *engine) string {
	t.Helper()
	name := os.Getenv("PATCHBAY_TEST_IMAGE")
	if name == "" {
		name = "patchbay-test/busybox:local"
	}
	makeImage.Lock()
	defer makeImage.Unlock()
	if _, err := e.api.ImageInspect(t.Context(), name); err == nil {
		return name
	}
	repository, tag, _ := strings.Cut(name, ":")
	answer, err := e.api.ImageImport(t.Context(),
		image.ImportSource{Source: bytes.NewReader(rootFilesystem(t, "test")), SourceName: "-"}, repository,
		image.ImportOptions{Tag: tag, Changes: []string{`CMD ["/bin/sh"]`, "ENV PATH=/usr/bin:/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if _, err := io.Copy(io.Discard, answer); err != nil {
		t.Fatal(err)
	}
	return name
}

// rootFilesystem is a tar of a small system with one file of the given name, which
// makes it differ from others.
func rootFilesystem(t *testing.T, mark string) []byte {
	t.Helper()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("install busybox-static, or run scripts/test: %v", err)
	}
	applets, err := exec.Command("/bin/busybox", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	add := func(header tar.Header, content []byte) {
		header.Size = int64(len(content))
		if err := archive.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, nil)
	add(tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755}, busybox)
	add(tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644}, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	add(tar.Header{Name: mark, Typeflag: tar.TypeReg, Mode: 0o644}, nil)
	for _, applet := range strings.Fields(string(applets)) {
		if applet != "busybox" {
			add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, nil)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
