package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Lists that are read as a whole come in pages all the same.
func TestPagesOfAll(t *testing.T) {
	t.Parallel()
	secrets := safe{{"", "A"}: ""}
	b := newBench(t, full(t), func(h *handlers) { h.Secrets = secrets })
	versions := "/api/ci/pipelines/" + b.create() + "/versions"
	for range 4 {
		b.do("PUT", strings.TrimSuffix(versions, "/versions"), yamlKey, hello)
	}
	var got []int
	pages := 0
	for path := versions + "?limit=2"; path != ""; pages++ {
		a := b.do("GET", path, "", "")
		for _, v := range decoded[[]Version](t, a) {
			got = append(got, v.Number)
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
	}
	if fmt.Sprint(got) != "[5 4 3 2 1]" || pages != 3 {
		t.Errorf("%v in %d pages", got, pages)
	}
	for path, want := range map[string]int{"/api/secrets?after=A": 0, "/api/connectors?after=shell": 1, "/api/connectors?limit=1": 1, "/api/ci/schedules?limit=3": 0} {
		if a := b.do("GET", path, "", ""); len(decoded[[]any](t, a)) != want {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	wantError(t, b.do("GET", versions+"?after=99", "", ""), http.StatusBadRequest)
}
