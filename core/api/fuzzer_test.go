package api

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/contract"
)

// More rounds, or the same ones again, by hand:
//
//	go test ./core/api -run TestContractFuzz -contract.rounds 2000 -contract.seed 7
var (
	rounds = flag.Int("contract.rounds", 12, "requests that the contract's fuzzer makes for each operation")
	seed   = flag.Uint64("contract.seed", 1, "seed of the contract's fuzzer")
)

// TestContractFuzz makes requests from the contract, good and bad ones, and holds every
// answer against it: none is a failure of the server, errors have their shape, and what
// the contract forbids is refused (holdAgainstContract).
func TestContractFuzz(t *testing.T) {
	t.Parallel()
	c, err := contract.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	idle := make(chan struct{})
	close(idle)
	files := &shelf{}
	b := newBench(t, full(t), func(h *handlers) { h.Queue, h.Artifacts = &line{idle: idle}, files })
	for i, o := range c.Operations {
		t.Run(o.ID, func(t *testing.T) {
			f := &fuzzer{Rand: rand.New(rand.NewPCG(*seed, uint64(i))), contract: c, ids: b.things(t, files)}
			for range *rounds {
				b.tryOne(t, f, o)
			}
		})
	}
}

// things makes one of each thing that there is, and returns what they are called.
func (b *bench) things(t *testing.T, files *shelf) map[string][]string {
	pipeline := b.create()
	execution := b.trigger(pipeline)
	e, err := b.store.Execution(t.Context(), execution)
	if err != nil {
		t.Fatal(err)
	}
	e.Status = core.StatusFailed // ended, so that those who follow it come to an end
	if err := b.store.UpdateExecution(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	*files = *b.newShelf(execution)
	return map[string][]string{"id": {pipeline, execution, "a1"}, "pipeline_id": {pipeline}, "name": {"shell", "TOKEN"}, "number": {"1"},
		"asset": {"reference.css"}, "path": {"100%25.txt"}, "step": {"n"}, "stage": {"s"}}
}

// tryOne makes a request and looks at what comes of it.
func (b *bench) tryOne(t *testing.T, f *fuzzer, o *contract.Operation) {
	request := f.request(o, b.server.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := fmt.Sprintf("%s %s %v", request.Method, request.URL, request.Header)
	response, err := b.server.Client().Do(request.WithContext(ctx))
	if err != nil {
		t.Fatalf("%s: %v", told, err)
	}
	a := b.take(t, request, response)
	switch {
	case a.status >= http.StatusInternalServerError:
		t.Errorf("%s: %d: %.500s", told, a.status, a.body)
	case a.status >= http.StatusBadRequest:
		var e Error
		if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Status != a.status || e.Message == "" || len(a.body) > 64<<10 {
			t.Errorf("%s: not an error of ours: %v: %.500s", told, err, a.body)
		}
	}
	if _, documented := o.Answers[fmt.Sprint(a.status)]; !documented {
		t.Errorf("%s: %d is not in the contract: %.300s", told, a.status, a.body)
	}
}

// fuzzer makes requests.
type fuzzer struct {
	*rand.Rand
	contract *contract.Contract
	ids      map[string][]string
}

// request is, one time in three, as the contract wants it, but for things that may not be
// there; otherwise something is wrong with it, or odd.
func (f *fuzzer) request(o *contract.Operation, server string) *http.Request {
	odd := f.IntN(3) > 0
	query, header := url.Values{}, http.Header{"Authorization": {"Bearer " + token}}
	path := pathOf(o, func(p *contract.Parameter) string {
		if odd && f.IntN(4) == 0 {
			return url.PathEscape(strings.ReplaceAll(strings.Trim(f.oddText(), "."), "/", "")) + "x" // a slash would make another route
		}
		return f.value(p)
	})
	for _, p := range o.Parameters {
		if f.IntN(2) == 0 && !p.Required {
			continue
		}
		value := f.value(p)
		if odd && f.IntN(3) == 0 {
			value = f.oddText()
		}
		switch p.In {
		case "query":
			query.Add(p.Name, value)
		case "header":
			header.Set(p.Name, strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return '?'
				}
				return r
			}, value))
		}
	}
	if odd && f.IntN(4) == 0 {
		query.Add(f.pick("limit", "x", "", "Stage", "a b"), f.oddText())
	}
	kind, body := f.body(o, odd)
	if kind != "" {
		header.Set("Content-Type", kind)
	}
	request, err := http.NewRequest(o.Method, server+path+"?"+query.Encode(), strings.NewReader(body))
	if err != nil { // a path that is no URL: ask for something else
		return f.request(o, server)
	}
	request.Header = header
	return request
}

func (f *fuzzer) pick(from ...string) string { return from[f.IntN(len(from))] }

// value is one that the contract takes, by a parameter's schema.
func (f *fuzzer) value(p *contract.Parameter) string {
	if known := f.ids[p.Name]; len(known) > 0 && f.IntN(5) > 0 {
		return f.pick(known...)
	}
	var s struct {
		Type             string
		Enum             []string
		Minimum, Maximum int
		Ref              string `json:"$ref"`
	}
	_ = json.Unmarshal(p.Schema, &s)
	switch {
	case len(s.Enum) > 0:
		return f.pick(s.Enum...)
	case strings.HasSuffix(s.Ref, "/Status"):
		return f.pick("success", "failed", "pending")
	case s.Type == "integer":
		return fmt.Sprint(max(s.Minimum, 1) + f.IntN(3))
	case s.Type == "boolean":
		return f.pick("true", "false")
	case p.Name == "Range":
		return f.pick("bytes=0-1", "bytes=-1", "bytes=5-2", "bytes=900-", "lines=1", "bytes=0-0,2-3")
	}
	return f.pick("none", "7", "main", "0198c2d4-6f10-7c3a-9b1e-5d2f8a7c4e60")
}

// oddText is what nobody should send.
func (f *fuzzer) oddText() string {
	return f.pick("", "-1", "0", "99999999999999999999", "1e9", "0x1", "true", "null", "\x00", "a\nb", "\xff\xfe", "☃", "../../etc/passwd", "'; DROP TABLE x",
		"<script>", strings.Repeat("a", 300), strings.Repeat("é", 5000), "%", "*", `"1"`, "W/\"1\"", "{}", " ")
}

// body is one for an operation, or something like it.
func (f *fuzzer) body(o *contract.Operation, odd bool) (kind, body string) {
	if o.Body == nil {
		return "", ""
	}
	types := o.Body.Types()
	kind = f.pick(types...)
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		file := f.pick("a.yaml", "a.YML", "a.txt", "", "..")
		kind += "; boundary=b"
		body = fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q; filename=%q\r\n\r\n%s\r\n--b--\r\n", f.pick("file", "yaml", "pipeline", "other"), file, f.text(odd))
	case kind == jsonKey:
		body = f.json(o, odd)
	default:
		body = f.text(odd)
	}
	if odd && f.IntN(6) == 0 {
		kind = f.pick("", "image/png", "application/json; charset=utf-16", ";;", strings.ToUpper(kind))
	}
	if odd && f.IntN(6) == 0 {
		body = body[:f.IntN(len(body)+1)]
	}
	return kind, body
}

// text is a pipeline, or not.
func (f *fuzzer) text(odd bool) string {
	if !odd {
		return hello
	}
	return f.pick(hello, "", "a: &a [x]\nb: *a", strings.Repeat("[", 3000), strings.Repeat("- ", 2000), "\x00\x01", "name: \xff", "---\n---\n", hello+"---\n"+hello,
		"a: &a [1,2,3,4,5,6,7,8,9]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]")
}

// json is the example of the contract, with something changed.
func (f *fuzzer) json(o *contract.Operation, odd bool) string {
	example := o.Body.Content[jsonKey].Example
	var value map[string]any
	if json.Unmarshal(example, &value) != nil || !odd {
		return string(example)
	}
	keys := make([]string, 0, len(value))
	for key := range value {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	switch key := f.pick(append(keys, "")...); f.IntN(6) {
	case 0:
		delete(value, key)
	case 1:
		value[key+"x"] = 1
	case 2:
		return f.pick("", "null", "[]", "7", `"x"`, "{", `{"a":`, strings.Repeat("[", 20000), `{"a":1}{"b":2}`, "\x00")
	default:
		value[key] = f.oddValue()
	}
	changed, err := json.Marshal(value)
	if err != nil {
		return "{}"
	}
	return string(changed)
}

// oddValue is never null itself: that is taken for a missing value, which the contract
// does not say.
func (f *fuzzer) oddValue() any {
	return []any{true, -1, 1e300, 1.5, f.oddText(), []any{}, []any{nil, map[string]any{}}, map[string]any{"": nil},
		map[string]any{f.oddText(): f.oddText()}, map[string]any{"a": []any{1, "2"}}}[f.IntN(10)]
}
