package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func form(field, file, content string) string {
	return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q; filename=%q\r\n\r\n%s\r\n--b--\r\n", field, file, content)
}

const formKey = "multipart/form-data; boundary=b"

// bomb grows ninefold with each of its lines.
func bomb() string {
	text := "name: bomb\nx0: &x0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n"
	for i := range 12 {
		text += fmt.Sprintf("x%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i), 9), ","))
	}
	return text
}

// What a file is called and what is in it have to fit, and neither may hurt.
func TestUploadLooksAtTheContent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := newBench(t, func(h *handlers) { h.Uploads = folder })
	for name, test := range map[string]struct {
		content string
		status  int
		say     string
	}{
		"text":             {hello, 201, "hello"},
		"with CRLF":        {strings.ReplaceAll(hello, "\n", "\r\n"), 201, "hello"},
		"with a mark":      {"\xef\xbb\xbf" + hello, 201, "hello"},
		"umlauts":          {strings.Replace(hello, "says so", "sägt", 1), 201, "sägt"},
		"an image":         {"\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 900), 415, "image/png"},
		"an archive":       {"PK\x03\x04" + strings.Repeat("\x01", 900), 415, "application/zip"},
		"a page":           {"<!DOCTYPE html><html>", 415, "text/html"},
		"a program":        {"\x7fELF\x02\x01\x01\x00", 415, "not a YAML file"},
		"binary far in":    {hello + strings.Repeat("#\n", 1000) + "\x00\x01", 400, "no text file"},
		"not UTF-8 far in": {hello + strings.Repeat("#\n", 1000) + "\xff\xff", 400, "not UTF-8"},
		"UTF-16":           {"\xff\xfen\x00a\x00", 400, "UTF-16"},
		"empty":            {"", 400, ""},
		"a bomb":           {bomb(), 400, "aliases"},
		"deep flow":        {"name: " + strings.Repeat("[", 100_000), 400, "deep"},
		"deep blocks":      {"name:\n" + strings.Repeat("- ", 100_000), 400, "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do("POST", "/api/ci/pipelines/upload", formKey, form("file", "a.yaml", test.content))
			if a.status != test.status || !strings.Contains(a.body, test.say) || len(a.body) > 64<<10 {
				t.Errorf("%d: %.400s", a.status, a.body)
			}
		})
	}
	wantEmpty(t, folder)
}

func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder of uploads: %v, %v", left, err)
	}
}

// A client that goes away leaves no file behind, nor does a request that is cut.
func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	done := make(chan struct{})
	b := newBench(t, func(h *handlers) { h.Uploads = folder })
	inner := b.server.Config.Handler
	_, address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		inner.ServeHTTP(w, r)
	}), false)
	ctx, leave := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, "POST", "http://"+address+"/api/ci/pipelines/upload", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {formKey}}
	go func() {
		whole := form("file", "a.yaml", hello+strings.Repeat("# more\n", 100_000))
		_, _ = io.WriteString(writer, whole[:len(whole)/2])
		leave()
		_ = writer.CloseWithError(context.Canceled) // the client waits for the end of what it reads from
	}()
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("there is an answer to half a request")
	}
	<-done
	wantEmpty(t, folder)
}

func TestSweepUploads(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"patchbay-upload-1", "patchbay-upload-22", "mine.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := SweepUploads(folder); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 || left[0].Name() != "mine.txt" {
		t.Errorf("%v, %v", left, err)
	}
	if err := SweepUploads(filepath.Join(folder, "none")); err != nil {
		t.Error(err)
	}
}
