package api

import (
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
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

// rangeWriter puts the one error that http.ServeContent answers by itself, a range that
// is not there, into the shape of all others.
type rangeWriter struct {
	*downloadWriter
	h       *handlers
	r       *http.Request
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (w *rangeWriter) WriteHeader(status int) {
	if w.refused = status == http.StatusRequestedRangeNotSatisfiable; w.refused {
		for _, name := range []string{"Content-Disposition", "ETag", "Last-Modified", "Content-Length"} {
			w.Header().Del(name)
		}
		w.h.failWith(w.ResponseWriter, w.r, status, &core.Error{Code: core.CodeInvalid, Message: "the file has no such range",
			Suggestions: []string{"leave out the header Range"}})
		return
	}
	w.downloadWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *rangeWriter) Write(data []byte) (int, error) {
	if w.refused {
		return len(data), nil
	}
	return w.downloadWriter.Write(data)
}
