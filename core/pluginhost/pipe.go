package pluginhost

import (
	"errors"
	"io"
	"os"
	"time"
)

// pipeAfterlife is how long a pipe is read after the process has ended: enough for
// what it has left there. A descendant may hold the other end open for ever.
const pipeAfterlife = 200 * time.Millisecond

// pipe carries a process's standard output or error to the host.
type pipe struct{ read, write *os.File }

func newPipe() (*pipe, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &pipe{read: read, write: write}, nil
}

// Read reports the end of the file also when the pipe has expired.
func (p *pipe) Read(buffer []byte) (int, error) {
	n, err := p.read.Read(buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

// Close closes the host's end.
func (p *pipe) Close() error { return p.read.Close() }

// closeWrite closes the process's end, which it has its own copy of.
func (p *pipe) closeWrite() { _ = p.write.Close() }

func (p *pipe) closeAll() {
	p.closeWrite()
	_ = p.Close()
}

// expire bounds the reading of what is left.
func (p *pipe) expire() { _ = p.read.SetReadDeadline(time.Now().Add(pipeAfterlife)) }
