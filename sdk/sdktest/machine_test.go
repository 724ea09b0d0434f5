package sdktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// machine is a connector with an outside world in memory: work goes on in it
// whoever watches. A fault makes it break one rule.
type machine struct {
	*sdk.Actions
	fault string

	mu    sync.Mutex
	works map[string]*work
}

type machineConfig struct {
	Print   []string `json:"print,omitempty" jsonschema:"description=Lines to print"`
	Endless bool     `json:"endless,omitempty"`
	Code    int      `json:"code,omitempty" jsonschema:"minimum=0,maximum=255"`
}

// work is what goes on outside.
type work struct {
	mu      sync.Mutex
	stdout  []byte
	stderr  []byte
	changed chan struct{}
	stop    context.CancelFunc
	stopped context.Context
	ended   bool
	joins   int
}

func newMachine(fault string) *machine {
	m := &machine{fault: fault, works: map[string]*work{}}
	m.Actions = sdk.NewActions(sdk.Info{Name: "machine", Version: "1.0.0", Summary: "An outside world in memory"},
		sdk.NewAction("work", "Print lines, or go on for ever", m.run, sdk.WithOutput("lines", "How many")))
	return m
}

// Info breaks what it is told to break.
func (m *machine) Info() sdk.Info {
	info := m.Actions.Info()
	switch m.fault {
	case "name":
		info.Name = "Bad Name"
	case "version":
		info.Version = "latest"
	case "help":
		info.Actions[0].Help = ""
	case "schema":
		info.Actions[0].ConfigSchema = []byte(`{"type":"object","properties":{"print":{"type":"strings"}}}`)
	case "moody":
		info.Summary = time.Now().String()
	}
	return info
}

// RunStep breaks what comes before the action.
func (m *machine) RunStep(ctx context.Context, r sdk.RunRequest, s *sdk.Session) (sdk.Result, error) {
	switch m.fault {
	case "lenient":
		if problems, err := m.CheckConfig(sdk.ValidateRequest{Config: r.Step.Config}); err == nil && len(problems) > 0 {
			return sdk.Succeeded(), nil
		}
	case "any action":
		r.Step.Action = ""
	case "prints secrets":
		fmt.Fprintln(s.Stderr(), r.Step.Secrets)
	case "hangs":
		<-ctx.Done()
		<-make(chan int)
	}
	result, err := m.Actions.RunStep(ctx, r, s)
	if m.fault == "vague" && err != nil {
		err = errors.New(err.Error())
	}
	return result, err
}

func (m *machine) run(ctx context.Context, r sdk.Request[machineConfig], s *sdk.Session) (sdk.Result, error) {
	w := m.startOrJoin(r)
	if m.fault == "skips itself" {
		s.Stdout().SkipStored() // and then writes from the start
	}
	err := w.follow(ctx, s)
	grace, cancelled := sdk.CancelGrace(ctx)
	switch {
	case cancelled && m.fault == "deaf":
		<-time.After(2*grace + slack)
	case cancelled && m.fault == "leaves it":
		return sdk.Cancelled(), nil
	case cancelled:
		w.stop()
		if err := w.follow(context.WithoutCancel(ctx), s); err != nil {
			return sdk.Result{}, err
		}
		if m.fault == "denies it" {
			return sdk.Succeeded(), nil
		}
		return sdk.Cancelled(), nil
	case err != nil:
		if m.fault == "lets nothing go on" {
			w.stop()
		}
		return sdk.Result{}, err
	}
	if err := s.SetOutput("lines", fmt.Sprint(len(r.Config.Print))); err != nil {
		return sdk.Result{}, err
	}
	if m.fault == "forgets the end" && w.count() > 1 {
		return sdk.Failed("no idea"), nil
	}
	return sdk.Exited(r.Config.Code), nil
}

func (m *machine) startOrJoin(r sdk.Request[machineConfig]) *work {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.works[r.Step.AttemptID]; w != nil && m.fault != "starts anew" {
		w.mu.Lock()
		w.joins++
		w.mu.Unlock()
		return w
	}
	w := &work{changed: make(chan struct{}), joins: 1}
	w.stopped, w.stop = context.WithCancel(context.Background())
	m.works[r.Step.AttemptID] = w
	go w.do(r)
	return w
}

// DestroyStep ends and forgets the work.
func (m *machine) DestroyStep(_ context.Context, r sdk.DestroyRequest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ref := range r.Attempts {
		w := m.works[ref.AttemptID]
		if w == nil && m.fault == "destroys once" {
			return sdk.Errorf(sdk.ClassNotFound, "no such attempt")
		}
		if w != nil && m.fault != "destroys nothing" {
			w.stop()
			w.waitEnd()
			delete(m.works, ref.AttemptID)
		}
	}
	return nil
}

func (w *work) do(r sdk.Request[machineConfig]) {
	path := r.Step.Workspace.Path
	grow(filepath.Join(path, "count.txt"), "done\n")
	for _, line := range r.Config.Print {
		w.say(line+"\n", "noted "+line+"\n")
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for r.Config.Endless && w.stopped.Err() == nil {
		grow(filepath.Join(path, "beat.txt"), ".")
		select {
		case <-ticker.C:
		case <-w.stopped.Done():
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	close(w.changed)
}

func grow(path, text string) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return // the folder is gone: the test is over
	}
	defer file.Close()
	_, _ = file.WriteString(text)
}

func (w *work) say(stdout, stderr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stdout, w.stderr = append(w.stdout, stdout...), append(w.stderr, stderr...)
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *work) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.joins
}

func (w *work) waitEnd() {
	for {
		w.mu.Lock()
		ended, changed := w.ended, w.changed
		w.mu.Unlock()
		if ended {
			return
		}
		<-changed
	}
}

// follow writes all that the work has said and will say.
func (w *work) follow(ctx context.Context, s *sdk.Session) error {
	var stdout, stderr int
	for {
		w.mu.Lock()
		newOut, newErr, ended, changed := w.stdout[stdout:], w.stderr[stderr:], w.ended, w.changed
		stdout, stderr = len(w.stdout), len(w.stderr)
		w.mu.Unlock()
		if _, err := s.Stdout().Write(newOut); err != nil {
			return err
		}
		if _, err := s.Stderr().Write(newErr); err != nil {
			return err
		}
		if ended {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
