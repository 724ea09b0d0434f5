package sdk

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// complete has every optional interface; fail is what each returns.
type complete struct {
	plain
	got  any
	fail error
}

func (c *complete) keep(v any) error {
	c.got = v
	return c.fail
}

func (c *complete) ValidateConfig(_ context.Context, r ValidateRequest) ([]Diagnostic, error) {
	return []Diagnostic{{Severity: SeverityWarning, Message: "m"}}, c.keep(r)
}
func (c *complete) PreExecute(_ context.Context, r PreExecuteRequest) error   { return c.keep(r) }
func (c *complete) PostExecute(_ context.Context, r PostExecuteRequest) error { return c.keep(r) }
func (c *complete) DestroyStep(_ context.Context, r DestroyRequest) error     { return c.keep(r) }
func (c *complete) Check(_ context.Context, r CheckRequest) (CheckResult, error) {
	return CheckResult{OK: true, Identity: "me"}, c.keep(r)
}
func (c *complete) PlanStep(_ context.Context, r PlanRequest) (Plan, error) {
	return Plan{Summary: "much"}, c.keep(r)
}
func (c *complete) ParseWebhook(_ context.Context, r WebhookRequest) (Webhook, error) {
	return Webhook{DeliveryID: "1"}, c.keep(r)
}
func (c *complete) PrepareStep(_ context.Context, r PrepareStepRequest) error { return c.keep(r) }
func (c *complete) ReportStatus(_ context.Context, r StatusReport) error      { return c.keep(r) }

// calls is one call of each optional method, with all that it carries.
func calls(t *testing.T, c *Client) map[string]func() (sent any, err error) {
	pre, post, destroy := filled[PreExecuteRequest](t), filled[PostExecuteRequest](t), filled[DestroyRequest](t)
	validate, plan := filled[ValidateRequest](t), filled[PlanRequest](t)
	webhook, report, prepare := filled[WebhookRequest](t), filled[StatusReport](t), filled[PrepareStepRequest](t)
	all := map[string]func() (any, error){
		"PreExecute":  func() (any, error) { return pre, c.PreExecute(t.Context(), pre) },
		"PostExecute": func() (any, error) { return post, c.PostExecute(t.Context(), post) },
		"DestroyStep": func() (any, error) { return destroy, c.DestroyStep(t.Context(), destroy) },
		"Check": func() (any, error) {
			_, err := c.Check(t.Context())
			return CheckRequest{}, err
		},
		"ValidateConfig": func() (any, error) {
			_, err := c.ValidateConfig(t.Context(), validate)
			return validate, err
		},
		"PlanStep": func() (any, error) {
			_, err := c.PlanStep(t.Context(), plan)
			return plan, err
		},
		"ParseWebhook": func() (any, error) {
			_, err := c.ParseWebhook(t.Context(), webhook)
			return webhook, err
		},
		"PrepareStep":  func() (any, error) { return prepare, c.PrepareStep(t.Context(), prepare) },
		"ReportStatus": func() (any, error) { return report, c.ReportStatus(t.Context(), report) },
	}
	maps.Copy(all, deployCalls(t, c))
	return all
}

func TestOptionalMethods(t *testing.T) {
	t.Parallel()
	connector := &complete{}
	l := connect(t, connector)
	for name, call := range calls(t, l.client) {
		connector.fail = nil
		sent, err := call()
		if diff := cmp.Diff(sent, connector.got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		connector.fail = Errorf(ClassAuthentication, "who are you?")
		if _, err := call(); ClassOf(err) != ClassAuthentication {
			t.Errorf("%s: got %v", name, err)
		}
	}
	info, err := l.client.Describe(t.Context())
	if err != nil || len(info.Capabilities) != len(capabilities) || info.ProtocolVersion != ProtocolVersion {
		t.Errorf("got %+v, %v", info, err)
	}
	for _, pair := range capabilities {
		if !info.Has(pair.word) {
			t.Errorf("%s is not announced", pair.word)
		}
	}
}

// TestLargestWebhook: more than a message may have otherwise.
func TestLargestWebhook(t *testing.T) {
	t.Parallel()
	connector := &complete{}
	l := connect(t, connector)
	if _, err := l.client.ParseWebhook(t.Context(), WebhookRequest{Body: make([]byte, MaxWebhook)}); err != nil {
		t.Fatal(err)
	}
	if got, ok := connector.got.(WebhookRequest); !ok || len(got.Body) != MaxWebhook {
		t.Errorf("%d bytes arrived", len(got.Body))
	}
}

func TestUnannounced(t *testing.T) {
	t.Parallel()
	l := connectFunc(t, nil)
	for name, call := range calls(t, l.client) {
		_, err := call()
		if name == "ValidateConfig" {
			if err != nil {
				t.Errorf("ValidateConfig is always answered: %v", err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Class != ClassInternal || errors.Is(err, ErrGone) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if info, err := l.client.Describe(t.Context()); err != nil || len(info.Capabilities) != 0 || info.Has(CapabilityCheck) {
		t.Errorf("got %+v, %v", info, err)
	}
}

// panicky panics wherever it can.
type panicky struct{ complete }

func (panicky) RunStep(context.Context, RunRequest, *Session) (Result, error) { panic("run") }
func (panicky) PreExecute(context.Context, PreExecuteRequest) error           { panic("pre") }
func (panicky) PostExecute(context.Context, PostExecuteRequest) error         { panic("post") }
func (panicky) DestroyStep(context.Context, DestroyRequest) error             { panic("destroy") }
func (panicky) Check(context.Context, CheckRequest) (CheckResult, error)      { panic("check") }
func (panicky) PlanStep(context.Context, PlanRequest) (Plan, error)           { panic("plan") }
func (panicky) PrepareStep(context.Context, PrepareStepRequest) error         { panic("prepare") }
func (panicky) ReportStatus(context.Context, StatusReport) error              { panic("report") }
func (panicky) ParseWebhook(context.Context, WebhookRequest) (Webhook, error) { panic("parse") }
func (panicky) ValidateConfig(context.Context, ValidateRequest) ([]Diagnostic, error) {
	panic("validate")
}

// TestPanics: one call breaks, the process and the other calls go on.
func TestPanics(t *testing.T) {
	t.Parallel()
	l := connect(t, &panicky{})
	all := calls(t, l.client)
	all["RunStep"] = func() (any, error) { _, err := runStep(t, l, RunRequest{}, &heard{}); return nil, err }
	for name, call := range all {
		if _, err := call(); ClassOf(err) != ClassInternal || err.Error() != "the connector panicked; its log has the details" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := l.client.Describe(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestFirstMessageMustBeStart(t *testing.T) {
	t.Parallel()
	l := connectFunc(t, nil)
	stream, err := connectorv1.NewConnectorServiceClient(l.conn).RunStep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(cancelToProto(0)); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	if got := errorFromStatus(t.Context(), err); ClassOf(got) != ClassInternal {
		t.Errorf("got %v", got)
	}
}

func TestNameNeedsNoSchema(t *testing.T) {
	t.Parallel()
	prepared := 0
	actions := NewActions(Info{Name: "quick"}, Action{info: func() ActionInfo { prepared++; return ActionInfo{} }})
	wrapped := struct{ *Actions }{actions}
	if nameOf(wrapped) != "quick" || nameOf(&plain{}) != "plain" || prepared != 0 {
		t.Errorf("made %d schemas to know a name", prepared)
	}
	if got := describe(wrapped).Actions; len(got) != 1 || !slices.Equal(describe(wrapped).Capabilities, nil) {
		t.Errorf("got %v", got)
	}
}
