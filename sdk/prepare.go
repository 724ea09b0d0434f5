package sdk

import (
	"time"

	"google.golang.org/protobuf/proto"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// prepare makes, while the host is still connecting, what is made on first use: a
// run of one short step would otherwise wait for it.
func (s *server) prepare() {
	_ = s.call("prepare", func() error {
		PrepareProtocol()
		if c, ok := s.connector.(interface{ prepare() }); ok {
			c.prepare()
		}
		return nil
	})
}

// PrepareProtocol has the protocol's messages made ready, which is otherwise done
// when the first one is sent: for hosts that have nothing else to do while they wait
// for a connector. Calling it again does nothing useful and no harm.
func PrepareProtocol() {
	for _, message := range []proto.Message{
		&connectorv1.RunStepRequest{Message: &connectorv1.RunStepRequest_Start{Start: runRequestToProto(RunRequest{
			Step:     Step{Environment: map[string]string{"": ""}, Secrets: map[string]string{"": ""}, Workspace: Workspace{Path: "/"}},
			Offsets:  Offsets{Stdout: 1},
			Deadline: time.Unix(1, 0),
		})}},
		&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Result{Result: resultToProto(Exited(1))}},
	} {
		if data, err := proto.Marshal(message); err == nil {
			_ = proto.Unmarshal(data, message)
		}
	}
}
