package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// with makes a request with headers, as "Name: value".
func (b *bench) with(method, path string, headers ...string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	return b.send(request)
}

// What has an ETag is not sent to who has it.
func TestNotModified(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	pipeline := "/api/ci/pipelines/" + b.create()
	for _, path := range []string{pipeline, pipeline + "/yaml", pipeline + "/versions/1", "/api/openapi.json", "/api/docs", "/api/docs/reference.css", "/api/docs/reference.js"} {
		first := b.with("GET", path, "Accept-Encoding: identity")
		etag := first.header.Get("ETag")
		if first.status != http.StatusOK || len(etag) < 3 || first.body == "" {
			t.Fatalf("%s: %+v", path, first)
		}
		for have, want := range map[string]int{
			etag: 304, `"other", ` + etag: 304, "W/" + etag: 304, "*": 304, strings.TrimSuffix(etag, `"`) + `-gzip"`: 304,
			strings.TrimSuffix(etag, `"`) + `-zstd"`: 304, `"other"`: 200, "garbage": 200,
		} {
			a := b.with("GET", path, "If-None-Match: "+have, "Accept-Encoding: identity")
			if a.status != want || a.header.Get("ETag") != etag || (a.body == "") != (want == 304) {
				t.Errorf("%s with %s: %d %q, ETag %s", path, have, a.status, a.body, a.header.Get("ETag"))
			}
		}
	}
	b.do("PUT", pipeline, yamlKey, strings.Replace(hello, "hello", "bye", 1))
	if a := b.with("GET", pipeline, `If-None-Match: "1"`); a.status != http.StatusOK || !strings.Contains(a.body, "bye") {
		t.Errorf("after a change: %+v", a)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, full(t))
	id := b.trigger(b.create())
	shelf := b.newShelf(id)
	b = newBench(t, full(t), func(h *handlers) { h.Artifacts = shelf })
	const path = "/api/ci/artifacts/a1/files/100%25.txt"
	if a := b.with("GET", path, "Range: bytes=2-4"); a.status != http.StatusPartialContent || a.body != "l o" {
		t.Errorf("%+v", a)
	}
	if a := b.with("GET", path, `If-None-Match: "22"`); a.status != http.StatusNotModified {
		t.Errorf("%+v", a)
	}
	a := b.with("GET", path, "Range: bytes=900-")
	wantError(t, a, http.StatusRequestedRangeNotSatisfiable)
	if a.header.Get("Content-Range") != "bytes */9" || a.header.Get("Content-Disposition") != "" {
		t.Errorf("%v", a.header)
	}
}

// Large answers are compressed for who takes that, once, and no others.
func TestCompression(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plain := b.with("GET", "/api/openapi.json", "Accept-Encoding: identity")
	for encoding, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	} {
		a := b.with("GET", "/api/openapi.json", "Accept-Encoding: "+encoding)
		if a.header.Get("Content-Encoding") != encoding || !slices.Contains(a.header.Values("Vary"), "Accept-Encoding") || len(a.body) > len(plain.body)/3 {
			t.Fatalf("%s: %v, %d bytes", encoding, a.header, len(a.body))
		}
		reader, err := open(strings.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil || string(content) != plain.body {
			t.Errorf("%s: %v, %d of %d bytes", encoding, err, len(content), len(plain.body))
		}
	}
	id := b.trigger(b.create())
	b.say(id, 0, 1, 0, strings.Repeat("line\n", 5000))
	for _, path := range []string{"/api/ci/executions/" + id + "/logs", "/api/healthchecker", "/api/nothing"} {
		if a := b.with("GET", path, "Accept-Encoding: gzip"); a.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}

// HEAD is GET without the body, but for what does not end.
func TestHead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	pipeline := b.create()
	for path, want := range map[string]int{"/api/ci/pipelines": 200, "/api/ci/pipelines/" + pipeline: 200, "/api/docs": 200, "/api/ci/pipelines/none": 404,
		"/api/nothing": 404, "/api/ci/executions/" + b.trigger(pipeline) + "/events": 405} {
		if a := b.with("HEAD", path); a.status != want || a.body != "" || a.header.Get("Content-Type") == "" {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

func TestDocsAlias(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, path := range []string{"/docs", "/docs/", "/api/docs/"} {
		if a := b.with("GET", path); a.status != http.StatusOK || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") ||
			!strings.Contains(a.body, "triggerPipeline") || strings.Contains(a.body, "://cdn") {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}
