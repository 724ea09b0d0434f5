package api

import (
	"net/http"
	"time"
)

// downloadWriter writes an answer of any length: each write has its time, not the whole.
type downloadWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func newDownload(w http.ResponseWriter) *downloadWriter {
	d := &downloadWriter{ResponseWriter: w, control: http.NewResponseController(w)}
	_ = d.control.SetReadDeadline(time.Time{}) // it would end the answer, too
	return d
}

// Write implements http.ResponseWriter.
func (d *downloadWriter) Write(data []byte) (int, error) {
	d.begun = true
	_ = d.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	return d.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (d *downloadWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
