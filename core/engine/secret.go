package engine

import (
	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// secrets returns those that the step names.
func (l *stepLife) secrets() (map[string]string, error) {
	if len(l.spec.Secrets) == 0 {
		return nil, nil
	}
	keeper := l.run.engine.options.Secrets
	if keeper == nil {
		return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "the step names secrets, and there are none here"}
	}
	var values map[string]string
	err := l.run.persist("read secrets", func() (err error) {
		values, err = keeper.Resolve(l.run.ctx, l.run.execution.PipelineID, l.spec.Secrets)
		return err
	})
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, invalid(err)
	}
	return values, err
}
