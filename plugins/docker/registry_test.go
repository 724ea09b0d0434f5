package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// registry is one that holds a single image, asked for by the Engine over plain
// HTTP, which it does for addresses of its own machine.
type registry struct {
	host  string
	asked chan struct{} // gets a word when the layer is asked for
	allow chan struct{} // the layer is handed out when it is closed
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	tarball := rootFilesystem(t, uuid.NewString()) // the Engine shares downloads of equal layers
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(tarball); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	layer := packed.Bytes()
	config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00Z","config":{"Env":["PATH=/bin"]},`+
		`"rootfs":{"type":"layers","diff_ids":["%s"]},"history":[{"created_by":"%s"}]}`, digest(tarball), t.Name())
	const kind = "application/vnd.docker.distribution.manifest.v2+json"
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"application/vnd.docker.container.image.v1+json",`+
		`"size":%d,"digest":"%s"},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":%d,"digest":"%s"}]}`,
		kind, len(config), digest(config), len(layer), digest(layer))

	closing := make(chan struct{})
	r := &registry{asked: make(chan struct{}, 100), allow: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch path := q.URL.Path; {
		case path == "/v2/":
		case strings.HasPrefix(path, "/v2/private/"):
			w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			w.WriteHeader(http.StatusUnauthorized)
		case path == "/v2/tool/manifests/1", path == "/v2/tool/manifests/"+digest(manifest):
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Docker-Content-Digest", digest(manifest))
			_, _ = w.Write(manifest)
		case path == "/v2/tool/blobs/"+digest(config):
			_, _ = w.Write(config)
		case path == "/v2/tool/blobs/"+digest(layer):
			r.asked <- struct{}{}
			select {
			case <-r.allow:
				_, _ = w.Write(layer)
			case <-closing: // the Engine may hold on to it
			}
		default:
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(closing) })
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
