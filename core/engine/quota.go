package engine

import (
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/workspace"
)

// watchWorkspace stops the run as failed when its workspace takes more than it may.
func (r *run) watchWorkspace() {
	quota := r.engine.options.Quota
	r.usage = r.workspace.Watch(r.ctx, quota, func(u workspace.Usage) {
		reason := &stopReason{core.StatusFailed, beyond(quota, u)}
		r.post(func() {
			r.failed = true
			r.stopAll(reason)
		})
	})
}

// beyond says which quota a workspace does not keep to.
func beyond(q workspace.Quota, u workspace.Usage) string {
	if q.Bytes > 0 && u.Bytes > q.Bytes {
		return fmt.Sprintf("the workspace has %s; %s is the most", core.Size(u.Bytes), core.Size(q.Bytes))
	}
	return fmt.Sprintf("the workspace has %d files or more; %d is the most", u.Files, q.Files)
}
