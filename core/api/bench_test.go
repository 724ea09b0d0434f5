package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth"
	"github.com/patchbay-ci/patchbay/core/logs"
	"github.com/patchbay-ci/patchbay/core/pipefile"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/trigger"
)

const (
	token   = "secret"
	hello   = "name: hello\ndescription: says so\nstages: [{name: s, steps: [{name: n, run: echo hi}, {name: m, run: echo ho}]}]\n"
	yamlKey = "application/yaml"
)

// bench is the API on real parts; only the engine and the connectors are the test's.
type bench struct {
	t      *testing.T
	store  *memory.Store
	logs   *logs.Store
	server *httptest.Server
	router routers.Router
	engine engineFunc
}

type engineFunc func(ctx context.Context, id, by string) error

func (b *bench) Cancel(ctx context.Context, id, by string) error { return b.engine(ctx, id, by) }

// catalog has one connector that works and one that does not.
type catalog struct{}

func (catalog) Connectors(context.Context) []*core.ConnectorInfo {
	return []*core.ConnectorInfo{
		{Name: "shell", Version: "1.0.0", State: core.ConnectorAvailable, Path: "/plugins/shell", Actions: []core.ActionInfo{{Name: "run", ConfigSchema: json.RawMessage(`{}`)}}},
		{Name: "bad", State: core.ConnectorBroken, Reason: "no program", Path: "/plugins/bad"},
	}
}

func (c catalog) Connector(ctx context.Context, name string) (*core.ConnectorInfo, error) {
	for _, info := range c.Connectors(ctx) {
		if info.Name == name {
			return info, nil
		}
	}
	return nil, core.NotFound("connector", name)
}

// newBench makes one; with may give it more parts, and less patience.
func newBench(t *testing.T, with ...func(*handlers)) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), engine: func(context.Context, string, string) error { return nil }}
	var err error
	if b.logs, err = logs.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.Open(auth.Options{Store: b.store, AdminToken: token})
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHandlers(Deps{Store: b.store, Logs: b.logs, Parser: pipefile.NewParser(catalog{}), Trigger: trigger.New(b.store, func(*core.Execution) {}),
		Engine: b, Catalog: catalog{}, Accounts: accounts, Audit: b.store, Logger: hclog.NewNullLogger(), Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range with {
		change(h)
	}
	b.server = httptest.NewServer(h.routes())
	t.Cleanup(b.server.Close)
	if b.router, err = contractRouter(); err != nil {
		t.Fatal(err)
	}
	return b
}

// contractRouter finds operations of the contract for the validator; it is made once,
// since that takes long.
var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	spec, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(spec)
})

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request and holds the answer against the contract.
func (b *bench) do(method, path, contentType, body string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return b.send(request)
}

func (b *bench) send(request *http.Request) answer {
	b.t.Helper()
	response, err := b.server.Client().Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.take(b.t, request, response)
}

// take reads an answer, and holds it against the contract.
func (b *bench) take(t *testing.T, request *http.Request, response *http.Response) answer {
	t.Helper()
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	b.holdAgainstContract(request, response, data)
	return answer{response.StatusCode, response.Header, string(data)}
}

func (b *bench) holdAgainstContract(request *http.Request, response *http.Response, data []byte) {
	b.t.Helper()
	route, parameters, err := b.router.FindRoute(request)
	if err != nil {
		return // a route that is not in the contract: its error is checked by the test
	}
	seen.Store(fmt.Sprintf("%s %d", route.Operation.OperationID, response.StatusCode), true)
	b.holdRequest(request, response, &openapi3filter.RequestValidationInput{Request: request, Route: route, PathParams: parameters})
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	if kind := response.Header.Get("Content-Type"); kind != "application/json" || response.Header.Get("Content-Encoding") != "" {
		options.ExcludeResponseBody = true
	}
	err = openapi3filter.ValidateResponse(b.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, Route: route, PathParams: parameters},
		Status:                 response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(data)), Options: options,
	})
	if err != nil {
		b.t.Errorf("%s %s: the answer is not what the contract says: %v\n%s", request.Method, request.URL.Path, err, data)
	}
}

// holdRequest checks that what the contract forbids was refused. YAML and forms are
// the handlers' own business.
func (b *bench) holdRequest(request *http.Request, response *http.Response, input *openapi3filter.RequestValidationInput) {
	b.t.Helper()
	if response.StatusCode >= http.StatusBadRequest || receives(request) {
		return // what a delivery may be is its connector's to say
	}
	input.Options = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		ExcludeRequestBody: request.Header.Get("Content-Type") != "application/json"}
	if request.GetBody != nil { // the sent one was read
		body, err := request.GetBody()
		if err != nil {
			b.t.Fatal(err)
		}
		request.Body = body
	}
	if err := openapi3filter.ValidateRequest(b.t.Context(), input); err != nil {
		b.t.Errorf("%s %s: %d for what the contract forbids: %v", request.Method, request.URL, response.StatusCode, err)
	}
}

func decoded[T any](t *testing.T, a answer) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(a.body), &value); err != nil {
		t.Fatalf("status %d: %v in %s", a.status, err, a.body)
	}
	return value
}

// create makes the hello pipeline.
func (b *bench) create() string {
	b.t.Helper()
	a := b.do("POST", "/api/ci/pipelines", yamlKey, hello)
	if a.status != http.StatusCreated {
		b.t.Fatalf("%d: %s", a.status, a.body)
	}
	return decoded[Pipeline](b.t, a).Id
}

func (b *bench) trigger(pipeline string) string {
	b.t.Helper()
	a := b.do("POST", "/api/ci/pipelines/"+pipeline+"/trigger", "application/json",
		`{"trigger_type":"manual","branch":"main","commit_hash":"abc","repository":"r","environment":{"A":"1"}}`)
	if a.status != http.StatusAccepted {
		b.t.Fatalf("%d: %s", a.status, a.body)
	}
	return decoded[Accepted](b.t, a).ExecutionId
}
