package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/logs"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/workspace"
	"github.com/patchbay-ci/patchbay/sdk"
)

// world is an engine on real stores, whose connector speaks the real protocol over
// a connection that the test can cut. The work of its steps is kept in world, as
// it would be in containers: it outlives connector and engine.
type world struct {
	t      *testing.T
	store  core.Store
	logs   *logs.Store
	runs   string
	engine *Engine
	tweak  func(*Options)

	mu       sync.Mutex
	work     map[string]*work // by attempt
	started  []string         // steps in the order in which their work began
	failures map[string]int   // by step: how many attempts still have to fail
	byHook   bool             // the work of a hook goes by the hook's name
	prepared chan *sdk.Step   // what was announced; nil for a connector that does not prepare
	server   *grpc.Server
	conn     *grpc.ClientConn
	ended    chan string
	progress map[string]chan struct{} // by step: closed when its work began
	reached  map[string]chan struct{} // by step and status
}

// work is what one attempt does outside.
type work struct {
	done      chan struct{}
	once      sync.Once
	result    sdk.Result
	destroyed bool
	posted    int
}

func (w *work) end(result sdk.Result) { w.once.Do(func() { w.result = result; close(w.done) }) }

func newWorld(t *testing.T, tweaks ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, store: memory.New(), runs: t.TempDir(), work: map[string]*work{}, failures: map[string]int{},
		ended: make(chan string, 1000), progress: map[string]chan struct{}{},
		reached: map[string]chan struct{}{}}
	var err error
	if w.logs, err = logs.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.tweak = func(o *Options) {
		for _, tweak := range tweaks {
			tweak(o)
		}
	}
	w.connect()
	w.startEngine()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.engine.Shutdown(ctx, false); err != nil {
			t.Error(err)
		}
		w.cut()
		w.logs.Close()
	})
	return w
}

func (w *world) startEngine() {
	workspaces, err := workspace.NewManager(w.runs, w.runs)
	if err != nil {
		w.t.Fatal(err)
	}
	options := Options{Store: w.store, Logs: w.logs, Connectors: w, Workspaces: workspaces, Logger: hclog.NewNullLogger(),
		Observer: w, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, RetryDelay: time.Millisecond, Grace: time.Second}
	w.tweak(&options)
	w.engine = New(options)
}

// restartEngine is a server that is killed and started again.
func (w *world) restartEngine() {
	w.t.Helper()
	if err := w.engine.Shutdown(w.t.Context(), false); err != nil {
		w.t.Fatal(err)
	}
	w.startEngine()
	if err := w.engine.Recover(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) connect() {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	var connector sdk.Connector = &scripted{w}
	if w.prepared != nil {
		connector = &preparing{scripted{w}}
	}
	sdk.RegisterServer(server, connector)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server, w.conn = server, conn
}

// cut is the death of the connector's process.
func (w *world) cut() {
	w.mu.Lock()
	server, conn := w.server, w.conn
	w.mu.Unlock()
	server.Stop()
	conn.Close()
}

// Use implements Connectors; after a cut it "launches" the connector again.
func (w *world) Use(ctx context.Context, name string, do func(*sdk.Client, sdk.Info) error) error {
	if name != "fake" {
		return sdk.Errorf(sdk.ClassNotFound, "there is no connector %q", name)
	}
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	client := sdk.NewClient(conn)
	info, err := client.Describe(ctx)
	if err == nil {
		err = do(client, info)
	}
	if errors.Is(err, sdk.ErrGone) {
		w.mu.Lock()
		same := w.conn == conn
		w.mu.Unlock()
		if same {
			w.connect()
		}
	}
	return err
}

// ExecutionChanged implements Observer.
func (w *world) ExecutionChanged(e *core.Execution) {
	if e.Status.Terminal() {
		w.ended <- e.ID
	}
}

// StepChanged implements Observer.
func (w *world) StepChanged(s *core.StepRun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := s.Stage + "/" + s.Name + " " + string(s.Status)
	if signal := w.reached[key]; signal != nil {
		close(signal)
		delete(w.reached, key)
	}
}

// reaches returns a channel that is closed when a step's status becomes this one.
func (w *world) reaches(step string, status core.Status) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	signal := make(chan struct{})
	w.reached[step+" "+string(status)] = signal
	return signal
}

// StepProgress implements Observer.
func (w *world) StepProgress(*core.StepRun, string, int) {}

// scripted is the connector. A step's script says what its work does.
type scripted struct{ w *world }

// script is the config of its steps.
type script struct {
	Text   string `json:"text"`   // printed
	Fail   int    `json:"fail"`   // how many attempts fail with exit code 1
	Wait   bool   `json:"wait"`   // until the test releases it or it is cancelled
	Error  string `json:"error"`  // the connector breaks with this class
	Output string `json:"output"` // value of the output "value"
}

func (s *scripted) Info() sdk.Info {
	return sdk.Info{Name: "fake", Version: "1", Actions: []sdk.ActionInfo{{Name: "run", ConfigSchema: json.RawMessage("{}")}}}
}

func (s *scripted) RunStep(ctx context.Context, r sdk.RunRequest, session *sdk.Session) (sdk.Result, error) {
	var what script
	if err := json.Unmarshal(r.Step.Config, &what); err != nil {
		return sdk.Result{}, err
	}
	if what.Error != "" {
		return sdk.Result{}, sdk.Errorf(sdk.ErrorClass(what.Error), "broken as asked")
	}
	work := s.w.begin(r, what)
	if _, err := fmt.Fprint(session.Stdout(), what.Text); err != nil {
		return sdk.Result{}, err
	}
	if what.Output != "" {
		if err := session.SetOutput("value", what.Output); err != nil {
			return sdk.Result{}, err
		}
	}
	select {
	case <-work.done:
	case <-ctx.Done():
		if _, cancelled := sdk.CancelGrace(ctx); !cancelled {
			return sdk.Result{}, ctx.Err()
		}
		work.end(sdk.Cancelled())
	}
	return work.result, nil
}

func (s *scripted) PostExecute(_ context.Context, r sdk.PostExecuteRequest) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if work := s.w.work[r.Attempt.AttemptID]; work != nil {
		work.posted++
	}
	return nil
}

func (s *scripted) DestroyStep(_ context.Context, r sdk.DestroyRequest) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, attempt := range r.Attempts {
		if work := s.w.work[attempt.AttemptID]; work != nil {
			work.destroyed = true
		}
	}
	return nil
}

// begin starts an attempt's work unless it is there.
func (w *world) begin(r sdk.RunRequest, what script) *work {
	w.mu.Lock()
	defer w.mu.Unlock()
	if existing, there := w.work[r.Step.AttemptID]; there {
		return existing
	}
	step := r.Step.Environment["CI_STEP_NAME"]
	if name := r.Step.Environment["CI_HOOK_NAME"]; w.byHook && name != "" {
		step = name
	}
	begun := &work{done: make(chan struct{})}
	w.work[r.Step.AttemptID] = begun
	w.started = append(w.started, step)
	if begunSignal := w.progress[step]; begunSignal != nil {
		close(begunSignal)
		delete(w.progress, step)
	}
	if _, known := w.failures[step]; !known {
		w.failures[step] = what.Fail
	}
	switch {
	case what.Wait:
	case w.failures[step] > 0:
		w.failures[step]--
		begun.end(sdk.Exited(1))
	default:
		begun.end(sdk.Exited(0))
	}
	return begun
}

// begins returns a channel that is closed when the work of a step begins.
func (w *world) begins(step string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	signal := make(chan struct{})
	w.progress[step] = signal
	return signal
}

// release ends the work of everything that waits.
func (w *world) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, work := range w.work {
		if work != nil {
			work.end(sdk.Exited(0))
		}
	}
}

// submit stores a pipeline and an execution of it, and submits that.
func (w *world) submit(spec *core.Spec) string {
	w.t.Helper()
	now := time.Now().UTC()
	pipeline := &core.Pipeline{ID: uuid.NewString(), Name: spec.Name, Revision: 1, CreatedAt: now}
	if err := w.store.CreatePipeline(w.t.Context(), pipeline, &core.PipelineRevision{PipelineID: pipeline.ID, Number: 1, Spec: spec}); err != nil {
		w.t.Fatal(err)
	}
	e := &core.Execution{ID: uuid.Must(uuid.NewV7()).String(), PipelineID: pipeline.ID, PipelineName: spec.Name, Revision: 1,
		Status: core.StatusPending, Trigger: core.TriggerInfo{Type: core.TriggerManual, Branch: "main"}, CreatedAt: now}
	if err := w.store.CreateExecution(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
	w.engine.Submit(e)
	return e.ID
}

// await waits for the end of an execution.
func (w *world) await(id string) *core.Execution {
	w.t.Helper()
	for {
		select {
		case ended := <-w.ended:
			if ended != id {
				w.t.Fatalf("execution %s ended, not %s", ended, id)
			}
			e, err := w.store.Execution(w.t.Context(), id)
			if err != nil {
				w.t.Fatal(err)
			}
			return e
		case <-time.After(time.Minute):
			w.t.Fatal("the execution did not end")
		}
	}
}

// statuses sums up the steps: "a=success b=skipped".
func (w *world) statuses(id string) string {
	w.t.Helper()
	steps, err := w.store.StepRuns(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	var words []string
	for _, s := range steps {
		word := s.Name + "=" + string(s.Status)
		if s.Allowed {
			word += "(allowed)"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// nothingLeft checks that a run that has ended has left nothing.
func (w *world) nothingLeft() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for attempt, work := range w.work {
		if work == nil || !work.destroyed {
			w.t.Errorf("attempt %s was not destroyed", attempt)
		}
		if work != nil && work.posted == 0 {
			w.t.Errorf("attempt %s had no PostExecute", attempt)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(w.runs, "*")); len(left) > 0 {
		w.t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(w.runs); err != nil {
		w.t.Error(err)
	}
}
