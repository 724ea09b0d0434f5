package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// safe keeps secrets in memory, by scope and name.
type safe map[[2]string]string

func (s safe) SetSecret(_ context.Context, pipelineID, name, value, by string) (*core.Secret, error) {
	s[[2]string{pipelineID, name}] = value + " by " + by
	return &core.Secret{PipelineID: pipelineID, Name: name}, nil
}

func (s safe) ListSecrets(_ context.Context, pipelineID string) ([]*core.Secret, error) {
	var list []*core.Secret
	for key := range s {
		if key[0] == pipelineID {
			list = append(list, &core.Secret{PipelineID: pipelineID, Name: key[1], Ciphertext: []byte("cipher"), UpdatedBy: "admin"})
		}
	}
	return list, nil
}

func (s safe) DeleteSecret(_ context.Context, pipelineID, name string) error {
	if _, there := s[[2]string{pipelineID, name}]; !there {
		return core.NotFound("secret", name)
	}
	delete(s, [2]string{pipelineID, name})
	return nil
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := safe{}
	b := newBench(t, func(h *handlers) { h.Secrets = s })
	pipeline := b.create()
	for _, scope := range []string{"", pipeline} {
		query := "?pipeline_id=" + scope
		if a := b.do("PUT", "/api/secrets/TOKEN"+query, jsonKey, `{"value":"hunter2"}`); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("%+v", a)
		}
		if got := s[[2]string{scope, "TOKEN"}]; got != "hunter2 by admin" {
			t.Errorf("stored %q", got)
		}
		a := b.do("GET", "/api/secrets"+query, "", "")
		if list := decoded[[]Secret](t, a); len(list) != 1 || list[0].Name != "TOKEN" || value(list[0].PipelineId) != scope || strings.Contains(a.body, "hunter2") || strings.Contains(a.body, "ipher") {
			t.Errorf("%s", a.body)
		}
		if a := b.do("DELETE", "/api/secrets/TOKEN"+query, "", ""); a.status != http.StatusNoContent {
			t.Errorf("%+v", a)
		}
		if a := b.do("DELETE", "/api/secrets/TOKEN"+query, "", ""); a.status != http.StatusNotFound {
			t.Errorf("%+v", a)
		}
	}
}

// What is wrong with a secret is said without it.
func TestSecretsRefused(t *testing.T) {
	t.Parallel()
	s := safe{}
	b := newBench(t, func(h *handlers) { h.Secrets = s })
	for name, test := range map[string]struct {
		path, body string
		status     int
		say        string
	}{
		"no value":         {"", `{}`, 400, "\\\"value\\\" is missing"},
		"no body":          {"", ``, 400, "the body is missing"},
		"unknown key":      {"", `{"valu":"hunter2"}`, 400, "did you mean value?"},
		"a number":         {"", `{"value":6842}`, 400, "/value: expected text, got a number"},
		"a list":           {"", `{"value":["hunter2"]}`, 400, "/value: expected text, got a list"},
		"broken":           {"", `{"value":"hunter2`, 400, "JSON"},
		"no such pipeline": {"?pipeline_id=none", `{"value":"hunter2"}`, 404, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do("PUT", "/api/secrets/TOKEN"+test.path, jsonKey, test.body)
			if a.status != test.status || !strings.Contains(a.body, test.say) || strings.Contains(a.body, "hunter2") || strings.Contains(a.body, "6842") {
				t.Errorf("%d: %s", a.status, a.body)
			}
		})
	}
	if len(s) > 0 {
		t.Errorf("stored %v", s)
	}
}

func (s safe) Rotate(context.Context) (int, error) { return len(s), nil }

func TestRotateSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(h *handlers) { h.Secrets = safe{{"", "A"}: "x"} })
	if r := decoded[SecretRotation](t, b.do("POST", "/api/secrets/rotate", "", "")); r.Secrets != 1 || r.Message == "" {
		t.Errorf("%+v", r)
	}
}
