package core

import "context"

// maxRequestID is the longest request ID that is taken from a client, in bytes.
const maxRequestID = 128

type requestIDKey struct{}

// WithRequestID remembers the ID of the request that something is done for.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the ID of the request that something is done for, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// ValidRequestID reports whether an ID that somebody else made can be used: it is not
// long, and has only characters that change nothing in a log, a header or a URL.
func ValidRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}
