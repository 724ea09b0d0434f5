package api

import (
	"io"
	"net/http"
)

// seenWriter remembers what was answered.
type seenWriter struct {
	http.ResponseWriter
	status int
	sent   int64
}

// WriteHeader implements http.ResponseWriter. Only the last status counts; those before
// it (1xx) only announce.
func (s *seenWriter) WriteHeader(status int) {
	if s.status < http.StatusOK && s.status != http.StatusSwitchingProtocols {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *seenWriter) Write(p []byte) (int, error) {
	s.written()
	n, err := s.ResponseWriter.Write(p)
	s.sent += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom: a file goes to the connection in the kernel, where
// the writer below can do that.
func (s *seenWriter) ReadFrom(source io.Reader) (int64, error) {
	s.written()
	n, err := io.Copy(s.ResponseWriter, source)
	s.sent += n
	return n, err
}

func (s *seenWriter) written() {
	if s.status == 0 {
		s.status = http.StatusOK
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (s *seenWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
