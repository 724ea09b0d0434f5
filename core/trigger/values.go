package trigger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// WithValues has s keep secret variables; without, triggers that bring any are refused.
// Call it before anything else.
func (s *Service) WithValues(keeper core.ValueKeeper) *Service {
	s.values = keeper
	return s
}

// keepValues stores the secret variables of an execution before the execution: when the
// server dies in between, nobody ever asks for them.
func (s *Service) keepValues(ctx context.Context, e *core.Execution, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	if s.values == nil {
		return noKeeper()
	}
	for name := range values {
		if _, twice := e.Environment[name]; twice {
			return core.Errorf(core.CodeInvalid, "%s is in environment and in secret_environment", name)
		}
	}
	if err := s.values.KeepValues(ctx, e.ID, values); err != nil {
		return err
	}
	e.SecretEnvironment = slices.Sorted(maps.Keys(values))
	return nil
}

func noKeeper() error {
	return &core.Error{Code: core.CodeInvalid, Message: "secret variables cannot be kept here", Suggestions: []string{"store a secret, and name it in the step"}}
}

// copyValues gives a repeated execution the secret variables of the first.
func (s *Service) copyValues(ctx context.Context, e, old *core.Execution) error {
	if len(old.SecretEnvironment) == 0 {
		return nil
	}
	if s.values == nil {
		return noKeeper()
	}
	values, err := s.values.Values(ctx, old.ID)
	if err != nil {
		return fmt.Errorf("read the secret variables of execution %s: %w", old.ID, err)
	}
	return s.keepValues(ctx, e, values)
}
