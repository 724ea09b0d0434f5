package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DisconnectGrace is the grace period of a step that is cancelled because its
// host has gone (RunRequest.CancelOnDisconnect).
const DisconnectGrace = 5 * time.Second

// cancelRequest is the cause of a context that ended by a Cancel.
type cancelRequest struct{ grace time.Duration }

func (c *cancelRequest) Error() string { return fmt.Sprintf("cancelled, %s of grace", c.grace) }

// CancelGrace reports whether a RunStep's context ended because the step is to be
// stopped, and how long it may take before it is stopped by force. It is false
// when ctx is not done or the host merely detached.
func CancelGrace(ctx context.Context) (grace time.Duration, cancelled bool) {
	var c *cancelRequest
	if errors.As(context.Cause(ctx), &c) {
		return c.grace, true
	}
	return 0, false
}
