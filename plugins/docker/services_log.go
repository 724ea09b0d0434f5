package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/sdk"
)

const (
	// tailLines and tailBytes are how much of each service's output is told.
	tailLines = "200"
	tailBytes = 64 << 10
)

// tellOfServices adds to the log of a step that failed what its services said last,
// each line with the service's name. They are ended first: whoever joins the step
// later must find the same words.
func (c *connector) tellOfServices(ctx context.Context, r sdk.Request[config], s *sdk.Session) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	services := r.Config.Services
	tails := make([][]byte, len(services))
	var group errgroup.Group
	for i := range services {
		group.Go(func() error {
			name := serviceName(r.Step.AttemptID, services[i].Name)
			_ = c.engine.api.ContainerKill(ctx, name, "SIGKILL") // an error: it has ended, or never was
			tails[i] = c.engine.tail(ctx, name, services[i].Name)
			return nil
		})
	}
	_ = group.Wait()
	for _, tail := range tails {
		if _, err := s.Stderr().Write(tail); err != nil {
			return err
		}
	}
	return nil
}

// tail is the end of an ended container's output, or why there is none.
func (e *engine) tail(ctx context.Context, name, service string) []byte {
	_ = e.wait(ctx, name)
	log, err := e.api.ContainerLogs(ctx, name, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: tailLines})
	if err != nil {
		return nil
	}
	defer log.Close()
	kept := &ring{limit: tailBytes}
	if _, err := stdcopy.StdCopy(kept, kept, log); err != nil {
		fmt.Fprintf(kept, "\n(its output broke off: %v)", err)
	}
	return prefixed("["+service+"] ", kept.bytes())
}

// prefixed puts a mark before each line; the last one gets its newline.
func prefixed(mark string, text []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		out.WriteString(mark)
		out.Write(bytes.TrimSuffix(line, []byte{'\n'}))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// ring keeps the last bytes that are written to it.
type ring struct {
	limit int
	data  []byte
	cut   bool
}

var _ io.Writer = (*ring)(nil)

func (r *ring) Write(p []byte) (int, error) {
	r.data = append(r.data, p...)
	if len(r.data) > 2*r.limit {
		r.data, r.cut = bytes.Clone(r.data[len(r.data)-r.limit:]), true
	}
	return len(p), nil
}

// bytes is what was kept, from the beginning of a line on.
func (r *ring) bytes() []byte {
	data := r.data
	if len(data) > r.limit {
		data, r.cut = data[len(data)-r.limit:], true
	}
	if r.cut {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			data = data[i+1:]
		}
	}
	return data
}
