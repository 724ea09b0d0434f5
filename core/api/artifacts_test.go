package api

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// shelf has artifacts in memory.
type shelf struct {
	artifacts []*core.Artifact
	content   map[string]string // by path
	failAfter int               // bytes of an archive; 0 for never
	fail      error
}

func (s *shelf) Artifacts(_ context.Context, executionID string) ([]*core.Artifact, error) {
	var list []*core.Artifact
	for _, a := range s.artifacts {
		if a.ExecutionID == executionID && a.Kind == core.ArtifactFiles {
			list = append(list, a)
		}
	}
	return list, nil
}

func (s *shelf) Artifact(_ context.Context, id string) (*core.Artifact, error) {
	for _, a := range s.artifacts {
		if a.ID == id {
			return a, nil
		}
	}
	return nil, core.NotFound("artifact", id)
}

type closing struct{ io.ReadSeeker }

func (closing) Close() error { return nil }

func (s *shelf) OpenFile(_ context.Context, a *core.Artifact, path string) (io.ReadSeekCloser, *core.ArtifactFile, error) {
	for i := range a.Files {
		if a.Files[i].Path == path {
			return closing{strings.NewReader(s.content[path])}, &a.Files[i], nil
		}
	}
	return nil, nil, core.NotFound("file", path)
}

func (s *shelf) WriteArchive(_ context.Context, a *core.Artifact, w io.Writer) error {
	if s.fail != nil && s.failAfter == 0 {
		return s.fail
	}
	archive := zip.NewWriter(w)
	for _, f := range a.Files {
		part, err := archive.Create(f.Path)
		if err == nil {
			_, err = io.WriteString(part, s.content[f.Path])
		}
		if err != nil {
			return err
		}
	}
	if s.fail != nil {
		return errors.Join(s.fail, archive.Flush())
	}
	return archive.Close()
}

// newShelf fills a shelf for an execution.
func (b *bench) newShelf(executionID string) *shelf {
	s := &shelf{content: map[string]string{"bin/a b.html": "<script>alert(1)</script>", "100%.txt": "all of it", "é/ü?#.txt": "umlaut"}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := &core.Artifact{ID: "a1", ExecutionID: executionID, PipelineID: "p", Kind: core.ArtifactFiles, Name: "dist \"1\"/é", Stage: "s", Step: "n",
		Size: 40, CreatedAt: at, ExpiresAt: at.Add(time.Hour), Files: []core.ArtifactFile{
			{Path: "100%.txt", Size: 9, Mode: 0o644, SHA256: "22"}, {Path: "bin/a b.html", Size: 25, Mode: 0o755, SHA256: "11"}, {Path: "é/ü?#.txt", Size: 6, Mode: 0o600, SHA256: "33"}}}
	own := &core.Artifact{ID: "w1", ExecutionID: executionID, Kind: core.ArtifactWorkspace, Name: "workspace", Files: []core.ArtifactFile{{Path: "w.tar"}}}
	s.artifacts = []*core.Artifact{a, own}
	return s
}

func TestArtifacts(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	b := newBench(t, func(h *handlers) { h.Artifacts = s })
	id := b.trigger(b.create())
	*s = *b.newShelf(id)
	list := decoded[[]Artifact](t, b.do("GET", "/api/ci/executions/"+id+"/artifacts", "", ""))
	if len(list) != 1 || list[0].Id != "a1" || list[0].Files != nil || list[0].FileCount != 3 || list[0].Size != 40 {
		t.Errorf("%+v", list)
	}
	if e := decoded[Execution](t, b.do("GET", "/api/ci/executions/"+id, "", "")); len(*e.Artifacts) != 1 || (*e.Artifacts)[0].Id != "a1" {
		t.Errorf("%+v", e.Artifacts)
	}
	one := decoded[Artifact](t, b.do("GET", "/api/ci/artifacts/a1", "", ""))
	if len(*one.Files) != 3 || *(*one.Files)[1].Mode != "0755" || (*one.Files)[1].Path != "bin/a b.html" {
		t.Errorf("%+v", one)
	}
	for _, path := range []string{"/api/ci/executions/none/artifacts", "/api/ci/artifacts/none", "/api/ci/artifacts/none/archive", "/api/ci/artifacts/a1/files/bin/none",
		"/api/ci/artifacts/w1", "/api/ci/artifacts/w1/archive", "/api/ci/artifacts/w1/files/w.tar"} { // w1 is the engine's own
		if a := b.do("GET", path, "", ""); a.status != http.StatusNotFound || decoded[Error](t, a).Message == "" {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestArtifactFile(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	b := newBench(t, func(h *handlers) { h.Artifacts = s })
	*s = *b.newShelf("e")
	for path, content := range s.content {
		for _, written := range []string{(&url.URL{Path: path}).EscapedPath(), url.PathEscape(path)} {
			a := b.do("GET", "/api/ci/artifacts/a1/files/"+written, "", "")
			if a.status != http.StatusOK || a.body != content {
				t.Errorf("%s: %d, %q", written, a.status, a.body)
			}
		}
	}
	const path = "/api/ci/artifacts/a1/files/bin/a%20b.html"
	whole := b.do("GET", path, "", "")
	for name, want := range map[string]string{"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "ETag": `"11"`,
		"Content-Disposition": `attachment; filename="a b.html"`, "Content-Security-Policy": "sandbox; default-src 'none'", "Accept-Ranges": "bytes"} {
		if got := whole.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, test := range map[string]struct {
		header, value string
		status        int
		body          string
	}{
		"a part":            {"Range", "bytes=1-6", 206, "script"},
		"the end":           {"Range", "bytes=-9", 206, "</script>"},
		"nothing of it":     {"Range", "bytes=100-", 416, ""},
		"it is known":       {"If-None-Match", `"11"`, 304, ""},
		"another is known":  {"If-None-Match", `"22"`, 200, s.content["bin/a b.html"]},
		"of another is had": {"If-Match", `"22"`, 412, ""},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), "GET", b.server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set(test.header, test.value)
			if a := b.send(request); a.status != test.status || test.status < 300 && a.body != test.body {
				t.Errorf("%d: %q", a.status, a.body)
			}
		})
	}
}

func TestArtifactArchive(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	b := newBench(t, func(h *handlers) { h.Artifacts = s })
	*s = *b.newShelf("e")
	const path = "/api/ci/artifacts/a1/archive"
	a := b.do("GET", path, "", "")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/zip" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment; filename") {
		t.Fatalf("%+v", a.header)
	}
	archive, err := zip.NewReader(bytes.NewReader([]byte(a.body)), int64(len(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range archive.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		got[f.Name] = string(data)
	}
	if diff := cmp.Diff(s.content, got); diff != "" {
		t.Error(diff)
	}
	s.fail = errors.New("the disk is gone")
	if a := b.do("GET", path, "", ""); a.status != http.StatusInternalServerError || a.header.Get("Content-Disposition") != "" || decoded[Error](t, a).Message == "" {
		t.Errorf("failed before it began: %+v", a)
	}
	// One that fails in the middle must not look whole.
	s.failAfter = 1
	request, err := http.NewRequestWithContext(t.Context(), "GET", b.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := b.server.Client().Do(request)
	if err == nil {
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	if err == nil {
		t.Error("an archive that broke off looks whole")
	}
}
