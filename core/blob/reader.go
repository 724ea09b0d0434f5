package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/patchbay-ci/patchbay/core"
)

// reader reads a content and checks it while it is read from the beginning to the
// end, without a leap between. It is not safe for concurrent use.
type reader struct {
	file   *os.File
	name   string // the hash that it has to have
	size   int64
	offset int64
	digest hash.Hash
	// digested is how many bytes, from the first on, the digest has.
	digested int64
}

func newReader(file *os.File, name string) (*reader, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, failed("stored content cannot be opened", errors.Join(err, file.Close()))
	}
	return &reader{file: file, name: name, size: info.Size(), digest: sha256.New()}, nil
}

// Read implements io.Reader. The last bytes of damaged content are held back, so that
// also a caller who knows the size, and does not read on to the end, gets the error.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if r.offset == r.digested {
		r.digest.Write(p[:n])
		r.digested += int64(n)
	}
	r.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, failed("stored content cannot be read", err)
	}
	ends := errors.Is(err, io.EOF) || n > 0 && r.offset == r.size
	if ends && r.digested == r.offset && hex.EncodeToString(r.digest.Sum(nil)) != r.name {
		return 0, &core.Error{Code: core.CodeInternal, Message: "stored content " + r.name + " is damaged",
			Details:     "The disk of the data folder gives back something else than what was stored.",
			Suggestions: []string{"run again what made it: storing the same content repairs it", "look after that disk"}}
	}
	return n, err
}

// Seek implements io.Seeker.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	at, err := r.file.Seek(offset, whence)
	if err != nil {
		return r.offset, err
	}
	if r.offset = at; at == 0 {
		r.digest.Reset()
		r.digested = 0
	}
	return at, nil
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.file.Close() }
