package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newWriting(t *testing.T) *writing {
	t.Helper()
	w := &writing{journal: journal{t.TempDir()}, percent: -1, changed: make(chan struct{})}
	if _, err := w.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.shut)
	return w
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWriting(t)
	a := &account{to: w}
	err := a.read(strings.NewReader(`{"stream":"Step 1/3 : FROM --platform=linux/amd64 base AS x"}{"stream":"\n"}
{"status":"Pulling from library/base","id":"latest"}{"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"abc"}
{"status":"Pull complete","id":"abc"}{"stream":" ---\u003e 000000000000\n"}{"stream":"Step 2/3 : COPY a b"}{"stream":"\n"}
{"stream":" ---\u003e Using cache\n"}{"stream":" ---\u003e 111111111111\n"}{"stream":"Step 3/3 : RUN x   y"}{"stream":"\n"}
{"stream":" ---\u003e Running in 222222222222\n"}{"stream":"\u001b[91mwarning\n\u001b[0m"}{"stream":" ---\u003e 333333333333\n"}
{"aux":{"ID":"sha256:3333"}}{"errorDetail":{"code":3,"message":"it returned 3"},"error":"it returned 3"}`))
	var failure *engineFailure
	if !errors.As(err, &failure) || failure.code != 3 || a.image != "sha256:3333" || a.from != "base" || a.step != "step 3/3 (RUN x y)" {
		t.Errorf("got %v, %+v", err, a)
	}
	output, err := os.ReadFile(w.path(journalOutput))
	if err != nil {
		t.Fatal(err)
	}
	want := `Step 1/3 : FROM --platform=linux/amd64 base AS x
latest: Pulling from library/base
abc: Pull complete
 ---> 000000000000
Step 2/3 : COPY a b
 ---> Using cache
 ---> 111111111111
Step 3/3 : RUN x   y
 ---> Running in 222222222222
warning
 ---> 333333333333
it returned 3
`
	if difference := cmp.Diff(want, string(output)); difference != "" {
		t.Error(difference)
	}
	if difference := cmp.Diff([]string{"container:222222222222", "image:333333333333"}, w.remains()); difference != "" {
		t.Error(difference)
	}
}

func FuzzAccount(f *testing.F) {
	f.Add(`{"stream":"Step 1/1 : FROM"}{"stream":" ---\u003e Running in 222222222222\n"}`)
	f.Add(`{"status":"Pushing","progressDetail":{"current":-5,"total":1}}{"error":"x"}`)
	f.Add(`{"aux":7}[]`)
	w := &writing{journal: journal{f.TempDir()}, changed: make(chan struct{})}
	if _, err := w.open(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = (&account{to: w}).read(strings.NewReader(text))
		_, _ = readPush(strings.NewReader(text), w)
	})
}
