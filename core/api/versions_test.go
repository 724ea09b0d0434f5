package api

import (
	"net/http"
	"strings"
	"testing"
)

// change makes a request with If-Match.
func (b *bench) change(method, path, ifMatch, body string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", yamlKey)
	if ifMatch != "" {
		request.Header.Set("If-Match", ifMatch)
	}
	return b.send(request)
}

func TestDiffAndRestore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/api/ci/pipelines/" + b.create()
	second := strings.Replace(hello, "says so", "says more", 1)
	for _, source := range []string{second, second + "environment: {A: b}\n"} {
		if a := b.do("PUT", path, yamlKey, source); a.status != http.StatusOK {
			t.Fatalf("%+v", a)
		}
	}
	a := b.do("GET", path+"/versions/1/diff?to=2", "", "")
	for _, line := range []string{"\n-description: says so\n", "\n+description: says more\n", "--- revision 1\t", "+++ revision 2\t", "\n name: hello\n"} {
		if !strings.Contains(a.body, line) {
			t.Errorf("%q is not in\n%s", line, a.body)
		}
	}
	if strings.Contains(a.body, "environment") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%+v", a)
	}
	if a := b.do("GET", path+"/versions/1/diff", "", ""); !strings.Contains(a.body, "+environment: {A: b}") || !strings.Contains(a.body, "revision 3") {
		t.Errorf("to the current one:\n%s", a.body)
	}
	if a := b.do("GET", path+"/versions/3/diff?to=2", "", ""); !strings.Contains(a.body, "-environment: {A: b}") {
		t.Errorf("backwards:\n%s", a.body)
	}
	if a := b.do("GET", path+"/versions/2/diff?to=2", "", ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("to itself: %+v", a)
	}
	restored := decoded[Pipeline](t, b.do("POST", path+"/versions/1/restore", "", ""))
	if restored.Revision != 4 || restored.Description != "says so" {
		t.Errorf("%+v", restored)
	}
	if a := b.do("GET", path+"/yaml", "", ""); a.body != hello {
		t.Errorf("%q", a.body)
	}
	for _, wrong := range []string{"/versions/9/diff", "/versions/1/diff?to=9", "/versions/9/restore"} {
		method := "GET"
		if strings.HasSuffix(wrong, "restore") {
			method = "POST"
		}
		if a := b.do(method, path+wrong, "", ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, a.status)
		}
	}
}

// Texts of hundreds of thousands of lines are refused, not compared for half a minute.
func TestDiffIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/api/ci/pipelines/" + b.create()
	if a := b.do("PUT", path, yamlKey, hello+strings.Repeat("#\n", maxDiffLines)); a.status != http.StatusOK {
		t.Fatalf("%+v", a)
	}
	if a := b.do("GET", path+"/versions/1/diff", "", ""); a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, "versions/{number}") {
		t.Errorf("%+v", a)
	}
}

// Of two who change the same text, the second one is told.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/api/ci/pipelines/" + b.create()
	etag := b.do("GET", path, "", "").header.Get("ETag")
	first := b.change("PUT", path, etag, hello)
	if first.status != http.StatusOK || etag == "" || first.header.Get("ETag") == etag {
		t.Fatalf("%+v after %s", first, etag)
	}
	for method, route := range map[string]string{"PUT": path, "POST": path + "/versions/1/restore"} {
		for _, stale := range []string{etag, `"x"`, "W/" + first.header.Get("ETag"), "nonsense"} {
			if a := b.change(method, route, stale, hello); a.status != http.StatusPreconditionFailed || a.header.Get("ETag") != first.header.Get("ETag") {
				t.Errorf("%s with %s: %+v", method, stale, a)
			}
		}
	}
	for _, good := range []string{`"x", ` + first.header.Get("ETag"), "*"} {
		if a := b.change("POST", path+"/versions/1/restore", good, ""); a.status != http.StatusOK {
			t.Errorf("%s: %+v", good, a)
		}
	}
}
