package api

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// appendLogEvent encodes a LogEvent. It is done by hand since all that steps say goes
// through here, once for each follower: encoding/json takes a multiple of the time and
// three copies.
func appendLogEvent(b []byte, r core.LogRecord, name stepName) []byte {
	b = append(b, `{"attempt":`...)
	b = strconv.AppendInt(b, int64(r.Attempt), 10)
	if r.IsHook() {
		b = append(b, `,"hook":`...)
		b = appendText(b, []byte(name.hooks.Label(r.Attempt)))
	}
	if r.Stream != core.StreamSystem {
		b = append(b, `,"offset":`...)
		b = strconv.AppendInt(b, r.Offset, 10)
	}
	b = append(b, `,"stage":`...)
	b = appendText(b, []byte(name.stage))
	b = append(b, `,"step":`...)
	b = appendText(b, []byte(name.step))
	b = append(b, `,"stream":"`...)
	b = append(b, r.Stream.String()...)
	b = append(b, `","text":`...)
	b = appendText(b, r.Data)
	b = append(b, `,"timestamp":"`...)
	b = r.Time.AppendFormat(b, time.RFC3339Nano)
	return append(b, `"}`...)
}

const hexDigits = "0123456789abcdef"

// appendText encodes bytes as a JSON text (RFC 8259, 7). What is not UTF-8 becomes
// U+FFFD, each byte one.
func appendText(b, text []byte) []byte {
	b = append(b, '"')
	plain := 0 // text[plain:i] needs no escape
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, text[plain:i]...)
		switch {
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= utf8.RuneSelf:
			b = append(b, "\uFFFD"...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		plain = i
	}
	b = append(b, text[plain:]...)
	return append(b, '"')
}
