package api

import (
	"mime"
	"net/http"
	"slices"

	"github.com/klauspost/compress/gzhttp"
)

// compressible are the media types that are worth it.
var compressible = []string{"application/json", "application/yaml", "text/plain", "text/html", "text/css", "text/javascript"}

// secretive tags are of operations whose answers may have a secret beside something
// that the client chose: compressed, their length would tell of it (the BREACH attack).
var secretive = []string{"sessions", "tokens", "secrets"}

// leastCompressed is the shortest answer that is compressed, in bytes.
const leastCompressed = 1400

// compressed compresses answers with zstd (RFC 8878) or gzip (RFC 1952), for clients
// who take them. Streams and downloads are left as they are, and so are secrets.
func compressed() func(http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(leastCompressed), gzhttp.SuffixETag("-gzip"), gzhttp.ContentTypeFilter(func(kind string) bool {
		media, _, err := mime.ParseMediaType(kind)
		return err == nil && slices.Contains(compressible, media)
	}))
	if err != nil { // the options are constants, and good
		return func(next http.Handler) http.Handler { return next }
	}
	return func(next http.Handler) http.Handler {
		small := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if o := operationOf(r.Context()); o == nil || longRunning[o.ID] || slices.Contains(secretive, o.Tag) {
				next.ServeHTTP(w, r)
				return
			}
			small(w, r)
		})
	}
}
