// Package api serves Patchbay over HTTP. openapi.yaml is the contract: the types, the
// server's interface and the client are generated from it, and the tests hold every
// request and answer of theirs against it.
package api

import (
	"context"
	_ "embed"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/contract"
	"github.com/patchbay-ci/patchbay/core/idempotency"
)

//go:embed openapi.gen.json
var document []byte

// Store is what the API reads and writes.
type Store interface {
	core.PipelineStore
	core.ExecutionStore
	Kind() string
	Ping(ctx context.Context) error
}

// Logs is a log store that can also be read from near its end.
type Logs interface {
	core.LogStore
	// Tail returns a cursor of the log behind which there are about so many bytes.
	Tail(ctx context.Context, executionID string, bytes int64) (core.Cursor, error)
}

// Deps are the parts that the API puts on the network. Those of the second group may
// be nil: this server has no such thing then, and its routes say so.
type Deps struct {
	Store   Store
	Logs    Logs
	Parser  core.PipelineParser
	Trigger core.Triggerer
	Engine  core.Canceller
	Catalog core.Catalog
	// Accounts says who makes a request and what they may do.
	Accounts core.Accounts
	Logger   hclog.Logger
	Version  string

	Retry     core.Retrier
	Approve   core.Approver
	Artifacts core.ArtifactReader
	Secrets   core.SecretKeeper
	Queue     core.QueueControl
	Webhooks  core.Webhooks
	// Deliveries is where Webhooks keeps them.
	Deliveries core.DeliveryStore
	// Keys remembers requests that came with an Idempotency-Key; without it the header
	// is not looked at.
	Keys *idempotency.Service
	// Uploads is a folder for files while they arrive; empty for the system's.
	Uploads string
	// Observe is what watches over the server.
	Observe Observation
	// Notifications are what was told of executions.
	Notifications core.NotificationKeeper
	// Services is what was deployed.
	Services core.ServiceKeeper
	// Schedules lists the schedules of all pipelines.
	Schedules func(ctx context.Context) ([]core.ScheduleState, error)
	// Origins are those of web pages, besides the server's own, that may use the API
	// and open WebSockets: "https://ci.example.com".
	Origins []string
	// Logins are those by other services.
	Logins core.Logins
	// Audit keeps who did what.
	Audit  core.AuditStore
	Limits Limits
	Web    Web
}

// handlers implements the generated ServerInterface, one resource a file.
type handlers struct {
	Deps
	contract *contract.Contract
	// docs is the reference as a page.
	docs         func() ([]byte, error)
	operations   map[string]string
	origin       *http.CrossOriginProtection
	strangeProxy sync.Once // is warned of
	// recheck is how often it is asked whether somebody may still follow.
	recheck  time.Duration
	patience patience
	// deliveries is what bodies of deliveries may take of the memory.
	deliveries budget
	room       room
	// frames are *[]byte for the time that an event takes to be sent: a thousand
	// followers who wait have none.
	frames sync.Pool
}

var _ ServerInterface = (*handlers)(nil)

// New makes the handler of the whole server. It fails only for a contract that is
// broken, which the tests would show.
func New(d Deps) (http.Handler, error) {
	h, err := newHandlers(d)
	if err != nil {
		return nil, err
	}
	return h.routes(), nil
}

func newHandlers(d Deps) (*handlers, error) {
	parsed, err := contract.Parse(document)
	if err != nil {
		return nil, err
	}
	origin, err := checkOrigins(&d)
	if err != nil {
		return nil, err
	}
	d.Observe.complete()
	return &handlers{Deps: d, contract: parsed, docs: lazyPage(parsed, d.Version), operations: operations(parsed), origin: origin, recheck: recheckEvery,
		patience: defaultPatience, room: newRoom(), deliveries: budget{free: deliveryMemory},
		frames: sync.Pool{New: func() any { return new([]byte) }}}, nil
}

func (h *handlers) routes() http.Handler {
	root := mux.NewRouter()
	root.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, &core.Error{Code: core.CodeNotFound, Message: "there is nothing at " + r.URL.Path,
			Suggestions: []string{"GET /api/openapi.json lists every route"}})
	})
	root.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := strings.Join(methods(root, r), ", ")
		w.Header().Set("Allow", allowed)
		h.failWith(w, r, http.StatusMethodNotAllowed, &core.Error{Code: core.CodeInvalid,
			Message: r.Method + " is not possible at " + r.URL.Path, Suggestions: []string{"use " + allowed}})
	})
	// Before the generated route of the same name, which ends at a slash.
	root.HandleFunc("/api/ci/artifacts/{id}/files/{path:.+}", func(w http.ResponseWriter, r *http.Request) {
		h.GetArtifactFile(w, r, mux.Vars(r)["id"], mux.Vars(r)["path"], GetArtifactFileParams{})
	}).Methods(http.MethodGet)
	HandlerWithOptions(h, GorillaServerOptions{BaseURL: "/api", BaseRouter: root,
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			h.fail(w, r, &core.Error{Code: core.CodeInvalid, Message: "a parameter is not as it should be", Details: err.Error()})
		}})
	root.Use(noteRoute, h.guarded, h.checked, h.timed, compressed())
	return aliased(docsAlias(h.located(h.observed(root, h.recovered(h.hardened(h.shared(h.limited(asGet(root)))))))))
}

// methods lists what is possible at a path.
func methods(root *mux.Router, r *http.Request) []string {
	var list []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other, match := *r, mux.RouteMatch{}
		other.Method = method
		if root.Match(&other, &match) && match.MatchErr == nil {
			list = append(list, method)
		}
	}
	return list
}

// absent answers for a part that this server does not have.
func (h *handlers) absent(w http.ResponseWriter, r *http.Request, what string) {
	h.failWith(w, r, http.StatusNotImplemented, &core.Error{Code: core.CodeUnavailable, Message: "this server has no " + what})
}
