package api

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// maxEnvelope is what a multipart body may have around a file.
const maxEnvelope = 64 << 10

// uploadFields are the names under which a file is uploaded.
var uploadFields = []string{"pipeline", "file", "yaml"}

// uploadPattern names files while they arrive, for SweepUploads to know them.
const uploadPattern = "patchbay-upload-*"

// readUpload reads the one file of a multipart body (RFC 7578). While it arrives, which
// is up to the client, it is in a file and not in memory.
func (h *handlers) readUpload(w http.ResponseWriter, r *http.Request) (name string, source []byte, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSource+maxEnvelope)
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, &core.Error{Code: core.CodeUnsupportedMedia, Message: "the body is not multipart/form-data",
			Suggestions: []string{"curl -F pipeline=@file.yaml does it"}}
	}
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return "", nil, &core.Error{Code: core.CodeInvalid, Message: "the upload has no file",
				Suggestions: []string{"name the part pipeline, file or yaml"}}
		case err != nil:
			return "", nil, unread(err)
		case slices.Contains(uploadFields, part.FormName()) && part.FileName() != "":
			return h.readPart(part)
		}
	}
}

func (h *handlers) readPart(part *multipart.Part) (name string, source []byte, err error) {
	name = filepath.Base(part.FileName())
	if extension := strings.ToLower(filepath.Ext(name)); extension != ".yaml" && extension != ".yml" {
		return "", nil, &core.Error{Code: core.CodeUnsupportedMedia, Message: "the file " + shortened(name) + " is not a YAML file",
			Suggestions: []string{"its name must end in .yaml or .yml"}}
	}
	file, err := os.CreateTemp(h.Uploads, uploadPattern)
	if err != nil {
		return "", nil, fmt.Errorf("make a file for an upload: %w", err)
	}
	defer file.Close()
	// Without a name from the start, it is gone with whatever ends this process.
	if err := os.Remove(file.Name()); err != nil {
		return "", nil, fmt.Errorf("unlink the file of an upload: %w", err)
	}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(part, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", nil, unread(err)
	}
	if err := checkContent(name, head[:n]); err != nil {
		return "", nil, err
	}
	if _, err := file.Write(head[:n]); err != nil {
		return "", nil, fmt.Errorf("store an upload: %w", err)
	}
	source, err = spool(file, part, int64(n))
	return name, source, err
}

// spool takes the rest of a part, of which n bytes are in the file, and returns all.
func spool(file *os.File, part io.Reader, n int64) ([]byte, error) {
	rest := &readErrors{Reader: part}
	more, err := io.Copy(file, io.LimitReader(rest, maxSource+1-n))
	switch {
	case rest.err != nil:
		return nil, unread(rest.err)
	case err != nil:
		return nil, fmt.Errorf("store an upload: %w", err)
	case n+more > maxSource:
		return nil, tooLargeError(maxSource)
	}
	source := make([]byte, n+more)
	if _, err := file.ReadAt(source, 0); err != nil && len(source) > 0 {
		return nil, fmt.Errorf("read an upload back: %w", err)
	}
	return source, nil
}

// sniffed is how much of a file tells what it is (the MIME Sniffing standard, 7).
const sniffed = 512

// checkContent refuses what calls itself YAML and is something else.
func checkContent(name string, head []byte) error {
	kind := http.DetectContentType(head)
	if strings.HasPrefix(kind, "text/plain") {
		return nil
	}
	return &core.Error{Code: core.CodeUnsupportedMedia, Message: "the file " + shortened(name) + " is not a YAML file",
		Details: "its content is " + kind, Suggestions: []string{"send the pipeline as text (UTF-8)"}}
}

// SweepUploads removes files of uploads that a killed process left in a folder.
func SweepUploads(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, uploadPattern))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// readErrors keeps the error of what is read apart from that of what is written.
type readErrors struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (r *readErrors) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
